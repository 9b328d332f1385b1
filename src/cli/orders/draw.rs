//! Orders as a table.

use crate::cli::output::printable;
use crate::cli::table::{self, Look};
use serde::Deserialize;

const HEAD: [&str; COLUMNS] = ["ORDER", "URGENCY", "ETA", "AGENCY", "KM", "ZONE"];
const COLUMNS: usize = 6;
const URGENCY: std::ops::Range<usize> = 1..2;

/// An order as a server answers with it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Order {
    id: String,
    urgency: i64,
    eta: Option<String>,
    agency: Option<String>,
    distance_km: Option<f64>,
    zone: Option<String>,
}

/// The lines, with a head above them and how many there are below; a sentence instead if there is nothing.
pub(super) fn draw(orders: &[Order], total: usize, look: Look) -> Vec<String> {
    if orders.is_empty() {
        return vec!["no orders wait: put some in with POST /api/v1/dispatch/orders".to_owned()];
    }
    let head = table::Row { cells: HEAD.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(orders.iter().map(row)).collect();
    let mut lines = table::lines(&rows, URGENCY, look);
    lines.push(format!("{total} wait"));
    lines
}

fn row(order: &Order) -> table::Row<COLUMNS> {
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), printable);
    let cells = [
        printable(&order.id),
        order.urgency.to_string(),
        text(&order.eta),
        text(&order.agency),
        order.distance_km.map_or_else(|| "-".to_owned(), |km| format!("{km:.1}")),
        text(&order.zone),
    ];
    table::Row { cells, colour: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_order_has_a_line() {
        let orders: Vec<Order> = serde_json::from_value(json!([
            {"id": "o-1", "urgency": 90, "eta": "09:05", "agency": "medic", "distance_km": 3.25, "zone": "B03"},
            {"id": "o-12", "urgency": 7},
        ]))
        .unwrap();
        let expected = [
            "ORDER  URGENCY  ETA    AGENCY  KM   ZONE",
            "o-1         90  09:05  medic   3.2  B03",
            "o-12         7  -      -       -    -",
            "5 wait",
        ];
        assert_eq!(draw(&orders, 5, Look::default()), expected);
        assert_eq!(draw(&[], 0, Look::default()).len(), 1);
    }
}
