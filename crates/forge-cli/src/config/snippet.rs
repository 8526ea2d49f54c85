//! The line of a file below what is said about it, with a mark under the place.

use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

use super::secrets;

/// Columns of the text that are shown before the mark where a line has to be cut.
const BEFORE: usize = 20;

/// The line `number` of `text` and a line of marks from `column` on, at most `width` columns wide; `None` where there is
/// no such line, or nothing in it. No secret of the line is shown.
pub(super) fn render(text: &str, number: usize, column: usize, width: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let line: Vec<char> = lines.get(number.checked_sub(1)?)?.trim_end().chars().collect();
    if line.is_empty() {
        return None;
    }
    let at = column.saturating_sub(1).min(line.len());
    let marked = at..end_of_value(&line, at).max(at + 1);
    let hidden = secrets::hidden(&lines, number);
    let (cells, marks) = cells(&line, &marked, &hidden);

    let gutter = number.to_string();
    let room = width.saturating_sub(gutter.len() + 3).max(BEFORE * 2);
    let before = columns(&cells[..marks.start]);
    let (from, begin) = if before + columns(&cells[marks.clone()]).min(BEFORE) < room {
        (0, "")
    } else {
        (first_within(&cells[..marks.start], BEFORE), "…")
    };
    let mut shown = begin.to_owned();
    let mut used = columns(&[begin.chars().next().unwrap_or('\0')]);
    let (mut marks_at, mut marks_long) = (None, 0);
    for (place, sign) in cells.iter().enumerate().skip(from) {
        let wide = columns(&[*sign]);
        let is_last = place + 1 == cells.len();
        if used + wide > room - usize::from(!is_last) {
            shown.push('…');
            break;
        }
        if marks.contains(&place) {
            marks_at.get_or_insert(used);
            marks_long += wide;
        }
        shown.push(*sign);
        used += wide;
    }
    // Behind the end of the line something is missing.
    let marks_at = marks_at.unwrap_or(used);
    let blank = " ".repeat(gutter.len());
    let marks = "^".repeat(marks_long.max(1));
    Some(format!("{gutter} | {shown}\n{blank} | {}{marks}", " ".repeat(marks_at)))
}

/// What is shown of a line, and where the marks stand in it: tabs are blanks, and what cannot be seen can.
fn cells(line: &[char], marked: &Range<usize>, hidden: &[Range<usize>]) -> (Vec<char>, Range<usize>) {
    let mut cells = Vec::with_capacity(line.len());
    let mut marks: Option<Range<usize>> = None;
    for (place, sign) in line.iter().enumerate() {
        let secret = hidden.iter().find(|range| range.contains(&place));
        // One sign for all of it, so that not even its length is told.
        if secret.is_none_or(|range| range.start == place) {
            cells.push(match sign {
                _ if secret.is_some() => '…',
                '\t' => ' ',
                sign if sign.width().unwrap_or(0) == 0 => '\u{fffd}',
                sign => *sign,
            });
        }
        if marked.contains(&place) {
            let last = cells.len();
            marks = Some(marks.map_or(last - 1, |marks| marks.start)..last);
        }
    }
    let marks = marks.unwrap_or(cells.len()..cells.len());
    (cells, marks)
}

fn columns(cells: &[char]) -> usize {
    cells.iter().map(|sign| sign.width().unwrap_or(0)).sum()
}

/// Where the last `room` columns of `cells` begin.
fn first_within(cells: &[char], room: usize) -> usize {
    let mut used = 0;
    let kept = cells.iter().rev().take_while(|sign| {
        used += sign.width().unwrap_or(0);
        used <= room
    });
    cells.len() - kept.count()
}

/// Where the key or value ends that begins at `at`.
fn end_of_value(line: &[char], at: usize) -> usize {
    let Some(first) = line.get(at) else { return at };
    let rest = &line[at + 1..];
    let found = match first {
        '"' | '\'' => rest.iter().position(|sign| sign == first).map(|place| place + 1),
        '[' | '{' => Some(0),
        _ => rest.iter().enumerate().position(|(place, sign)| {
            let ends = rest.get(place + 1).is_none_or(|next| next.is_whitespace());
            matches!(sign, ',' | '}' | ']') || (*sign == ':' && ends) || sign.is_whitespace()
        }),
    };
    found.map_or(line.len(), |place| at + 1 + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, number: usize, column: usize, width: usize) -> String {
        render(text, number, column, width).unwrap()
    }

    #[test]
    fn the_marks_stand_under_the_key_or_value() {
        for (line, column, expected) in [
            ("default_provider: gtp", 19, "1 | default_provider: gtp\n  |                   ^^^"),
            ("  endpiont: x", 3, "1 |   endpiont: x\n  |   ^^^^^^^^"),
            ("a: { b: 'c d', e: f }", 9, "1 | a: { b: 'c d', e: f }\n  |         ^^^^^"),
            ("a: [x, yy]", 8, "1 | a: [x, yy]\n  |        ^^"),
            ("a: {", 4, "1 | a: {\n  |    ^"),
            // A value is missing at the end.
            ("a:", 3, "1 | a:\n  |   ^"),
            // A tab is one column, and what has no width is seen.
            ("\tab: c", 2, "1 |  ab: c\n  |  ^^"),
            ("a: x\u{200b}y", 4, "1 | a: x\u{fffd}y\n  |    ^^^"),
            ("a: \u{1b}[2J", 4, "1 | a: \u{fffd}[2J\n  |    ^^^^"),
        ] {
            assert_eq!(shown(line, 1, column, 80), expected, "{line}");
        }
        assert_eq!(render("a: b\n\n", 2, 1, 80), None);
        assert_eq!(render("a: b\n", 9, 1, 80), None);
        assert_eq!(render("", 0, 1, 80), None);
    }

    #[test]
    fn wide_signs_move_the_marks() {
        assert_eq!(shown("名前: 値x", 1, 5, 80), "1 | 名前: 値x\n  |       ^^^");
        assert_eq!(shown("ä: é", 1, 4, 80), "1 | ä: é\n  |    ^");
    }

    #[test]
    fn a_long_line_is_cut_to_the_width_around_the_mark() {
        let long = format!("{} fault {}", "a".repeat(200), "b".repeat(200));
        for (column, width) in [(1, 60), (202, 60), (202, 100), (209, 60), (202, 1)] {
            let shown = shown(&long, 1, column, width);
            let lines: Vec<&str> = shown.lines().collect();
            let most = width.max(2 * BEFORE + 4);
            assert!(lines.iter().all(|line| line.chars().count() <= most), "{column} {width}\n{shown}");
            assert_eq!(lines.len(), 2);
            assert!(lines[0].ends_with('…') && lines[1].contains('^'), "{shown}");
            if column == 202 {
                let place = lines[1].find('^').unwrap();
                assert_eq!(lines[0].chars().skip(place).take(5).collect::<String>(), "fault", "{shown}");
            }
        }
        let wide = "値".repeat(100);
        let shown = shown(&wide, 1, 90, 60);
        let columns = |line: &str| columns(&line.chars().collect::<Vec<_>>());
        assert!(shown.lines().all(|line| columns(line) <= 60), "{shown}");
    }

    #[test]
    fn a_secret_is_a_single_sign_and_can_be_marked() {
        let line = "  one: { api_key: sk-test-secret, modle: x }";
        assert_eq!(
            shown(line, 1, 35, 80),
            "1 |   one: { api_key: …, modle: x }\n  |                      ^^^^^"
        );
        assert_eq!(shown(line, 1, 19, 80), "1 |   one: { api_key: …, modle: x }\n  |                   ^");
    }
}
