//! `import calls`: the zone and the agency that a workflow belongs to.

use super::{HEADER, issues, plans, real};
use ionveil::import::RowPlan;
use ionveil_workflow::Command;
use std::collections::BTreeMap;

/// The two attributes of a row's workflow; empty where it has none.
fn places(plan: &RowPlan) -> [String; 2] {
    let Some(Command::Register { attributes, .. }) = plan.steps.first().map(|step| &step.command) else { panic!("{plan:?}") };
    ["zone", "agency"].map(|name| attributes.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned())
}

#[test]
fn a_row_belongs_to_its_station_else_to_its_battalion() {
    let rows = [
        ("B09,39,ENGINE", ["B09.39", "SFFD"], None),
        ("B09,,MEDIC", ["B09", "SFFD"], None),
        (" B09 , 39 ,PRIVATE", ["B09.39", "PRIVATE"], None),
        (",39,private", ["", "SFFD"], None),
        ("B09,39,", ["B09.39", ""], None),
        (",,", ["", ""], None),
        ("B 9,39,ENGINE", ["", "SFFD"], Some("2 Battalion invalid_zone")),
        ("B09,3/9,ENGINE", ["", "SFFD"], Some("2 Station Area invalid_zone")),
    ];
    for (columns, expected, issue) in rows {
        let stamp = "01/01/2017 12:00:47 AM";
        let file = format!("{HEADER},Battalion,Station Area,Unit Type\n1,E1,{stamp},,,,,,Fire,,1-E1,{columns}\n");
        let [plan] = <[RowPlan; 1]>::try_from(plans(file.as_bytes())).expect("one row");
        assert_eq!(
            (places(&plan), issues(&plan)),
            (expected.map(str::to_owned), issue.map(str::to_owned).into_iter().collect()),
            "{columns}"
        );
    }
}

#[test]
fn a_file_without_the_columns_has_no_places() {
    let file = format!("{HEADER}\n1,E1,01/01/2017 12:00:47 AM,,,,,,Fire,,1-E1\n");
    assert_eq!(places(&plans(file.as_bytes())[0]), ["", ""]);
}

#[test]
fn every_row_of_the_real_file_has_its_place() {
    let (Some(found), Some(file)) = (real::real(), real::file()) else { return };
    let mut reader = csv::Reader::from_path(file).expect("a readable file");
    let rows = reader.deserialize::<BTreeMap<String, String>>().map(|row| row.expect("CSV"));
    let expected: BTreeMap<_, _> = rows.map(|row| (row["RowID"].clone(), row)).collect();
    assert_eq!(found.len(), 7_704);
    for plan in &found {
        let row = &expected[plan.id.as_ref().expect("an id").as_str()];
        let station = if row["Station Area"].is_empty() { String::new() } else { format!(".{}", row["Station Area"]) };
        let agency = if row["Unit Type"] == "PRIVATE" { "PRIVATE" } else { "SFFD" };
        assert_eq!(places(plan), [format!("{}{station}", row["Battalion"]), agency.to_owned()]);
    }
}
