//! Why a pager refuses a command: stable codes.

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is nothing to send: it was sent, given up, or another attempt is the present one.
    #[error("this attempt of this notification is not under way")]
    NotUnderWay,
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotUnderWay => "not_under_way",
        }
    }
}
