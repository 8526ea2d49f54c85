//! Bars by hour.

use std::fmt::Write as _;

use forge::{
    prompt::html::Safe,
    store::{Figures, TrendPoint},
};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 96.0;

/// A chart with a bar for each hour, the height of the tallest and the first and last hour; a reader that cannot see it gets
/// the sum in words.
pub(super) fn chart(
    title: &str,
    points: &[TrendPoint],
    height: impl Fn(&Figures) -> f64,
    label: impl Fn(f64) -> String,
    words: &str,
) -> String {
    let most = points.iter().map(|point| height(&point.figures)).fold(0.0, f64::max);
    let step = WIDTH / points.len().max(1) as f64;
    let mut marks = String::new();
    for (at, point) in points.iter().enumerate() {
        let value = height(&point.figures);
        if value <= 0.0 {
            continue;
        }
        // The smallest can be seen, too.
        let tall = (value / most * HEIGHT).max(1.0);
        let _ = write!(
            marks,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{}: {}</title></rect>",
            at as f64 * step + step * 0.1,
            HEIGHT - tall,
            step * 0.8,
            point.start.format("%a %H:00"),
            Safe(&label(value)),
        );
    }
    let ends = points.first().zip(points.last()).map(|(first, last)| {
        format!("<span>{}</span><span>{} UTC</span>", first.start.format("%H:00"), last.start.format("%H:00"))
    });
    format!(
        "<figure><figcaption><b>{}</b> <span class=\"quiet\">{}</span></figcaption>\n<svg role=\"img\" aria-label=\"{}, {}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\">{marks}</svg>\n<div class=\"ends quiet\">{}</div></figure>\n",
        Safe(title),
        if most > 0.0 {
            format!("at most {} an hour", Safe(&label(most)))
        } else {
            "nothing in the last day".to_owned()
        },
        Safe(title),
        Safe(words),
        ends.unwrap_or_default(),
    )
}
