use super::*;

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

#[test]
fn a_claim_and_its_release_change_only_their_keys() {
    let line = r#"{ "id" : "a\u002d1","title":"x, \"y\" }",  "status": "open" ,"n":1.50,"later":{"b":[ 1 ]},"updated_at":"old"}"#;
    let claimed = LineEdit::claimed("w-1", noon()).apply(line).unwrap();
    let expected = r#"{ "id" : "a\u002d1","title":"x, \"y\" }",  "status": "in_progress" ,"n":1.50,"later":{"b":[ 1 ]},"updated_at":"2026-11-20T12:00:00Z","assignee":"w-1"}"#;
    assert_eq!(claimed, expected);
    let released = LineEdit::released(noon()).apply(&claimed).unwrap();
    assert_eq!(released, line.replace("\"old\"", "\"2026-11-20T12:00:00Z\""));
}

#[test]
fn a_key_is_taken_out_wherever_it_stands() {
    for (line, expected) in [
        (r#"{"assignee":"a"}"#, r#"{"updated_at":"2026-11-20T12:00:00Z","status":"open"}"#),
        (r#"{ "assignee":"a" , "b":1}"#, r#"{ "b":1,"status":"open","updated_at":"2026-11-20T12:00:00Z"}"#),
        (
            r#"{"b":1,"assignee":"a","c":2}"#,
            r#"{"b":1,"c":2,"status":"open","updated_at":"2026-11-20T12:00:00Z"}"#,
        ),
        (
            r#"{"assignee":1,"b":1,"assignee":2}"#,
            r#"{"b":1,"status":"open","updated_at":"2026-11-20T12:00:00Z"}"#,
        ),
    ] {
        let released = LineEdit::released(noon()).apply(line).unwrap();
        let (found, wanted): (Value, Value) =
            (serde_json::from_str(&released).unwrap(), serde_json::from_str(expected).unwrap());
        assert_eq!(found, wanted, "{released}");
        if line.contains('b') {
            assert_eq!(released, expected);
        }
    }
}

#[test]
fn a_dependency_is_a_further_row_and_the_others_keep_their_bytes() {
    let [a, b] = ["a", "b"].map(|id| BeadId::new(id).unwrap());
    let edit = LineEdit::depends(&a, &b, &DependencyKind::Blocks, "w", noon());
    let row = r#"{"issue_id":"a","depends_on_id":"b","type":"blocks","created_at":"2026-11-20T12:00:00Z","created_by":"w"}"#;
    for (before, after) in [
        (r#""dependencies":[ {"x":1.0} ]"#, format!(r#""dependencies":[ {{"x":1.0}},{row}]"#)),
        (r#""dependencies":[ ]"#, format!(r#""dependencies":[{row}]"#)),
        (r#""dependencies":null"#, format!(r#""dependencies":[{row}]"#)),
        (r#""id":"a""#, format!(r#""id":"a","dependencies":[{row}]"#)),
    ] {
        let line = edit.apply(&format!("{{{before}}}")).unwrap();
        assert_eq!(line, format!(r#"{{{after},"updated_at":"2026-11-20T12:00:00Z"}}"#));
    }
}

#[test]
fn what_is_no_object_is_not_changed() {
    for line in ["", "[1]", "{\"a\":", "null", "{\"a\":1} x"] {
        assert_eq!(LineEdit::released(noon()).apply(line), None, "{line}");
    }
}
