use super::*;

fn csv(text: &str) -> Result<Matrix, MatrixError> {
    csv::matrix("m.csv", text).and_then(|matrix| matrix.checked("m.csv"))
}

#[test]
fn a_table_is_read_whatever_stands_in_it_beside_the_participants() {
    let text = "\u{feff}severity,ann,change,\"bo, b\"\r\nhigh,1,7,0\r\n,no,\"a \"\"b\"\"\nc\",YES\r\n\r\n";
    let matrix = csv(text).unwrap();
    assert_eq!(matrix.participants, ["ann", "bo, b"]);
    let issue = |change: &str, severity: Option<&str>, found: &str| MatrixIssue {
        change: Some(change.into()),
        issue: String::new(),
        severity: severity.map(str::to_owned),
        found_by: vec![found.into()],
    };
    assert_eq!(matrix.issues, [issue("7", Some("high"), "ann"), issue("a \"b\"\nc", None, "bo, b")]);
    // The same in the other form, by itself and in a report.
    let json = serde_json::to_string(&matrix).unwrap();
    assert_eq!(json::matrix("m.json", &json).unwrap(), matrix);
    assert_eq!(
        json::matrix("m.json", &format!("{{\"version\": \"1.0\", \"matrix\": {json}}}")).unwrap(),
        matrix
    );
}

#[test]
fn what_is_no_matrix_is_refused_with_its_line() {
    for (text, said) in [
        ("", "m.csv:1: the file is empty"),
        ("\n\n", "m.csv:1: the file is empty"),
        ("a,b\n1,0\n1\n", "m.csv:3: the row has 1 cells, and there are 2 columns"),
        ("a,b\n1,0\n\"1\n\",2\n", "m.csv:3: b has \"2\"; write 1 where it found"),
        ("a,b\n1,\n", "m.csv:2: b has \"\"; write 1"),
        ("a,b\n", "m.csv:1: there are no issues"),
        ("a,change\n1,1\n", "m.csv:1: there are 1 participants"),
        ("a,b,a\n1,1,1\n", "m.csv:1: the participant \"a\" has no name of its own"),
        ("a,\n1,1\n", "m.csv:1: the participant \"\" has no name"),
    ] {
        let error = csv(text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}\n{said}");
    }
    let many = (0..65).map(|at| at.to_string()).collect::<Vec<_>>().join(",");
    assert!(
        csv(&format!("{many}\n{}1\n", "0,".repeat(64))).unwrap_err().to_string().contains("65 participants")
    );
    for (text, said) in [
        ("{", "m.json:1: it is no JSON"),
        ("{\"participants\": []}", "m.json:1: missing field `issues`"),
        ("{\"participants\": [\"a\"], \"issues\": [{\"found\": []}]}", "m.json:1: unknown field `found`"),
    ] {
        let error = json::matrix("m.json", text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    let stranger = "{\"participants\": [\"a\", \"b\"], \"issues\": [{\"found_by\": [\"c\"]}]}";
    let stranger = json::matrix("m.json", stranger).unwrap().checked("m.json").unwrap_err().to_string();
    assert_eq!(stranger, "m.json:1: `c` found an issue and is no participant");
}

#[test]
fn false_claims_need_a_column_for_each_participant() {
    let names = ["a".to_owned(), "b".to_owned()];
    let counts = csv::false_claims("f.csv", "change,b,a,c\n1,2,3,x\n1,1,0,x\n2,0,4,x\n", &names).unwrap();
    let of = |change: &str, name: &str| counts[change][name];
    assert_eq!([of("1", "a"), of("1", "b"), of("2", "a"), of("2", "b")], [3, 3, 4, 0]);
    for (text, said) in [
        ("a,b\n1,1\n", "f.csv:1: there is no column `change`"),
        ("change,a\n1,1\n", "f.csv:1: there is no column `b`"),
        ("change,a,b\n1,1,-2\n", "f.csv:2: b has \"-2\"; write how many"),
    ] {
        let error = csv::false_claims("f.csv", text, &names).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_part_of_the_participants_keeps_what_they_found() {
    let mut matrix = csv("a,b,c\n1,1,0\n0,0,1\n").unwrap();
    matrix.false_claims =
        Some(csv::false_claims("f", "change,a,b,c\n1,1,2,3\n", &matrix.participants).unwrap());
    let part = matrix.clone().of(&["c".into(), "a".into()]).unwrap();
    assert_eq!(part.participants, ["c", "a"]);
    assert_eq!([&part.issues[0].found_by[..], &part.issues[1].found_by[..]], [["a"], ["c"]]);
    assert_eq!(part.false_claims.unwrap()["1"].len(), 2);
    assert_eq!(matrix.of(&["d".into()]).unwrap_err(), "d");
}
