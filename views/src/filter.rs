//! What a list is narrowed down to, and how that is said in SQL.

use ionveil_dispatch::incident::Status;
use ionveil_dispatch::scale::Priority;
use ionveil_dispatch::unit::Availability;
use ionveil_kernel::{EntityId, Timestamp};

/// Which workflows a reader wants; an empty filter means all of the organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowFilter {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this machine.
    pub machine: Option<String>,
}

/// Which lines of an organisation's audit a reader wants; an empty filter means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those of this node.
    pub node: Option<EntityId>,
    /// Only those from this time on.
    pub since: Option<Timestamp>,
}

/// Which attempts of an organisation a reader wants; an empty filter means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Only those over this channel.
    pub channel: Option<EntityId>,
    /// Only those of this dispatch.
    pub dispatch: Option<EntityId>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
    /// Only those that began before then.
    pub until: Option<Timestamp>,
}

/// A place in the list of attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptPlace {
    /// When the attempt began.
    pub at: Timestamp,
    /// Its dispatch.
    pub dispatch: EntityId,
    /// Its number in the log of the dispatch.
    pub number: u32,
}

/// One statement for each set of wishes, so that each can use its index.
#[derive(Clone, Debug)]
pub(crate) struct AttemptLists([String; 4]);

impl AttemptLists {
    /// Puts conditions where `text` says `/*filter*/`; their parameters follow the `taken` ones of the text.
    pub(crate) fn new(text: &str, taken: usize) -> Self {
        Self([&[][..], &["channel"], &["dispatch"], &["channel", "dispatch"]].map(|columns| with(text, columns, taken)))
    }

    /// The statement for these wishes; their values are bound as [`AttemptFilter::values`] gives them.
    pub(crate) fn text(&self, filter: &AttemptFilter) -> &str {
        &self.0[usize::from(filter.channel.is_some()) + 2 * usize::from(filter.dispatch.is_some())]
    }
}

impl AttemptFilter {
    /// The values to bind, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.channel.iter().chain(&self.dispatch).map(EntityId::as_str)
    }
}

/// Which incidents of an organisation a reader wants; an empty filter means all of them. What was put away is in no list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Only those in this status.
    pub status: Option<Status>,
    /// Only those of this priority.
    pub priority: Option<Priority>,
    /// Only those in this zone.
    pub zone: Option<EntityId>,
}

/// A place in the list of incidents, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentPlace {
    /// When the incident was reported.
    pub created_at: Timestamp,
    /// Its id.
    pub id: EntityId,
}

impl IncidentFilter {
    /// `text` with the conditions; their parameters follow the `taken` ones of the text.
    pub(crate) fn put_into(&self, text: &str, taken: usize) -> String {
        let asked = [("status", self.status.is_some()), ("zone", self.zone.is_some()), ("priority", self.priority.is_some())];
        let columns: Vec<_> = asked.into_iter().filter(|(_, asked)| *asked).map(|(column, _)| column).collect();
        with(text, &columns, taken)
    }

    /// The texts to bind, in order; the priority comes after them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.status.map(Status::as_str).into_iter().chain(self.zone.as_ref().map(EntityId::as_str))
    }
}

/// Which units of an organisation a reader wants; an empty filter means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFilter {
    /// Only those of this type.
    pub unit_type: Option<String>,
    /// Only those in this status.
    pub status: Option<Availability>,
}

impl UnitFilter {
    /// `text` with the conditions; their parameters follow the `taken` ones of the text.
    pub(crate) fn put_into(&self, text: &str, taken: usize) -> String {
        let asked = [("unit_type", self.unit_type.is_some()), ("status", self.status.is_some())];
        let columns: Vec<_> = asked.into_iter().filter(|(_, asked)| *asked).map(|(column, _)| column).collect();
        with(text, &columns, taken)
    }

    /// The values to bind, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.unit_type.as_deref().into_iter().chain(self.status.map(Availability::as_str))
    }
}

/// Conditions where `text` says `/*filter*/`.
fn with(text: &str, columns: &[&str], taken: usize) -> String {
    let numbered = columns.iter().zip(taken + 1..).map(|(column, number)| format!(" AND {column} = ${number}"));
    text.replace("/*filter*/", &numbered.collect::<String>())
}

/// One statement for each set of wishes, so that each can use its index.
#[derive(Clone, Debug)]
pub(crate) struct Filtered {
    all: String,
    state: String,
    machine: String,
    both: String,
}

impl Filtered {
    /// Puts conditions where `text` says `/*filter*/`; their parameters follow the `taken` ones of the text.
    pub(crate) fn new(text: &str, taken: usize) -> Self {
        let with = |conditions: &[&str]| with(text, conditions, taken);
        Self { all: with(&[]), state: with(&["state"]), machine: with(&["machine"]), both: with(&["state", "machine"]) }
    }

    /// The statement for these wishes; their values are bound as [`WorkflowFilter::values`] gives them.
    pub(crate) fn text(&self, filter: &WorkflowFilter) -> &str {
        match (&filter.state, &filter.machine) {
            (None, None) => &self.all,
            (Some(_), None) => &self.state,
            (None, Some(_)) => &self.machine,
            (Some(_), Some(_)) => &self.both,
        }
    }
}

impl WorkflowFilter {
    /// The values to bind, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.state.iter().chain(&self.machine).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_after_those_of_the_text() {
        let filtered = Filtered::new("a $1 /*filter*/ b", 1);
        let wish = |state: Option<&str>, machine: Option<&str>| WorkflowFilter {
            state: state.map(str::to_owned),
            machine: machine.map(str::to_owned),
        };
        for (filter, expected) in [
            (wish(None, None), "a $1  b"),
            (wish(Some("x"), None), "a $1  AND state = $2 b"),
            (wish(None, Some("y")), "a $1  AND machine = $2 b"),
            (wish(Some("x"), Some("y")), "a $1  AND state = $2 AND machine = $3 b"),
        ] {
            assert_eq!(filtered.text(&filter), expected);
            assert_eq!(filter.values().count(), expected.matches("AND").count());
        }
    }

    #[test]
    fn each_wish_of_a_list_of_dispatch_has_its_parameter() {
        let incidents =
            IncidentFilter { status: Some(Status::EnRoute), priority: Some(Priority::MOST_URGENT), zone: EntityId::new("z").ok() };
        assert_eq!(incidents.put_into("a $1 /*filter*/", 1), "a $1  AND status = $2 AND zone = $3 AND priority = $4");
        assert_eq!(incidents.texts().collect::<Vec<_>>(), ["en_route", "z"]);
        let only = IncidentFilter { status: None, zone: None, ..incidents };
        assert_eq!((only.put_into("/*filter*/", 4).as_str(), only.texts().count()), (" AND priority = $5", 0));
        let units = UnitFilter { unit_type: Some("engine".to_owned()), status: Some(Availability::OnScene) };
        assert_eq!(units.put_into("/*filter*/", 3), " AND unit_type = $4 AND status = $5");
        assert_eq!(units.values().collect::<Vec<_>>(), ["engine", "on_scene"]);
        assert_eq!(UnitFilter::default().put_into("x /*filter*/", 3), "x ");
    }
}
