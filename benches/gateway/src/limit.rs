//! A cap under 200 calls at once, and under a server that is killed meanwhile: nothing is spent beyond it.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{
    Failure,
    client::{Ask, Dialect},
    load::closed,
    mock::TOKENS,
    rig::Rig,
    row,
};

/// What the key may spend in all, in dollars.
const CAP: f64 = 0.45;
const AT_ONCE: usize = 200;

pub(crate) async fn rows(rig: &Rig) -> Result<Vec<String>, Failure> {
    rig.mock.state.delay.store(50_000, Ordering::Relaxed);
    let outcome = calls(rig).await;
    rig.mock.state.delay.store(0, Ordering::Relaxed);
    let (got, spent) = outcome?;
    let overrun = (spent - CAP).max(0.0);
    let told = format!("${overrun:.4} ({got} calls, ${spent:.4} of ${CAP})");
    let row = row("overrun, 200 at once at a cap, killed and started again", "0", ["", &told, ""]);
    if overrun > 0.0 {
        return Err(format!("more was spent than may be: {row}").into());
    }
    if got == 0 {
        return Err("nothing was answered below the cap".into());
    }
    Ok(vec![row])
}

/// Every call that the vendor got counts as paid, also where nobody read its reply.
async fn calls(rig: &Rig) -> Result<(u64, f64), Failure> {
    let forge = rig.another("limit")?;
    let key = forge.key("limit", &["--total-usd", &CAP.to_string()])?;
    let request = Ask::new(Dialect::Chat, "chat").key(&key).bytes();
    let count = || rig.mock.state.calls.load(Ordering::Relaxed);
    let before = count();
    let mut server = forge.serve()?;
    {
        let load = closed(server.address, &request, AT_ONCE, AT_ONCE * 2, Duration::ZERO);
        tokio::pin!(load);
        // Most of the first calls are under way then, and their clients are still there.
        let _ = tokio::time::timeout(Duration::from_millis(120), &mut load).await;
        server.process.kill();
    }
    let mut server = forge.serve()?;
    let measured = closed(server.address, &request, AT_ONCE, AT_ONCE * 3, Duration::ZERO).await;
    eprintln!("  after the kill: {:?}", measured.statuses);
    if measured.statuses.keys().any(|status| ![200, 429].contains(status)) {
        return Err(format!("neither answered nor refused: {:?}", measured.statuses).into());
    }
    server.process.terminate().await?;
    eprintln!("  {}", forge.run(&["--json", "keys", "usage", "limit"])?.replace(['\n', ' '], ""));
    let got = count() - before;
    let (input, output) = TOKENS;
    Ok((got, got as f64 * (input as f64 * 2.0 + output as f64 * 10.0) / 1e6))
}
