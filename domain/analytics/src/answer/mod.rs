//! What a [`Reading`](crate::store::Reading) answers. Numbers are rounded to 4 places, as the specification of IonVeil §6.2 has
//! it; times stay instants.
//!
//! | to read | file |
//! |---|---|
//! | values of a window becoming one | `sample.rs` |
//! | windows side by side, and sliding ones | `windows.rs`, `sliding.rs` |
//! | the last hour | `snapshot.rs` |
//! | where a metric goes, and what stands out | `trend.rs`, `anomaly.rs` |
//! | by region, on a grid, in cells of the Earth | `region.rs`, `heatmap.rs`, `cells.rs`, `geojson.rs` |

mod anomaly;
mod cells;
mod geojson;
mod heatmap;
mod region;
mod sample;
mod sliding;
mod snapshot;
mod trend;
mod windows;

pub use anomaly::{Anomalies, Anomaly, AnomalyQuery, RawAnomalyQuery, SENSITIVITY_DEFAULT, anomalies};
pub use cells::{CellSum, Cells};
pub use geojson::{Outline, geojson};
pub use heatmap::{Grid, GridCell, Heatmap, SIDE_MAX};
pub use region::{RegionFigures, Regions};
pub use snapshot::{Figures, Gauges, Snapshot};
pub use trend::{Direction, Forecast, HORIZON_HOURS_MAX, LOOKBACK_DEFAULT, LOOKBACK_MAX, Line, RawTrendQuery, Trend, TrendQuery, fit};
pub use windows::{Point, Windows};

/// Decimal places of every answer.
pub(crate) const PLACES: u8 = 4;
