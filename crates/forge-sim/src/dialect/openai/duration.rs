use std::time::Duration;

/// A duration in Go's notation: `12ms`, `1s`, `6m0s`.
pub(super) fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (seconds, fraction) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if hours > 0 || minutes > 0 {
        text += &format!("{minutes}m");
    }
    text += &seconds.to_string();
    if fraction > 0 {
        text += format!(".{fraction:03}").trim_end_matches('0');
    }
    text + "s"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_go() {
        let text = |millis| go_duration(Duration::from_millis(millis));
        assert_eq!(text(0), "0s");
        assert_eq!(text(12), "12ms");
        assert_eq!(text(1_000), "1s");
        assert_eq!(text(1_530), "1.53s");
        assert_eq!(text(360_000), "6m0s");
        assert_eq!(text(3_601_000), "1h0m1s");
    }
}
