//! Whether anybody can be asked at all, before anything is begun.

use std::{sync::Arc, time::Duration};

use forge_agent::workflow::Casting;

use super::ControllerError;
use crate::{
    CallContext, ModelRequest, ProviderId,
    route::Verdict,
    router::{HealthStatus, Router},
};

/// How long vendors have to say whether they take a credential. Whoever has not said so by then is believed to.
const CHECK: Duration = Duration::from_secs(3);

/// Asks all vendors side by side, without a paid call.
///
/// # Errors
/// An agent whose vendor refuses the credential, with nobody to stand in.
pub(super) async fn check(router: &Router, casting: &Casting) -> Result<(), ControllerError> {
    // What is found is kept by the router, also if one of them takes too long.
    let _ = tokio::time::timeout(CHECK, router.health()).await;
    let known = router.routes();
    let is_refused = |provider: &ProviderId| {
        known.iter().any(|one| one.provider == *provider && one.health == Some(HealthStatus::Refused))
    };
    let request = Arc::new(ModelRequest::new("").with_user_message("ready?"));
    let agents = [
        ("clarifier", casting.clarifier.as_ref()),
        ("planner", Some(&casting.planner)),
        ("editor", Some(&casting.editor)),
        ("reviewer", casting.reviewer.as_ref()),
    ];
    for (agent, cast) in agents {
        let Some(cast) = cast else { continue };
        let trace = router.explain(&CallContext::new(cast.participant.clone()), &request).await;
        if trace.participant.is_some() || !trace.candidates.iter().any(|one| is_refused(&one.provider)) {
            continue;
        }
        let reasons = trace.candidates.iter().filter_map(|one| match &one.verdict {
            Verdict::Passed(reason) => Some(format!("{}: {reason}", one.provider)),
            _ => None,
        });
        return Err(ControllerError::Credentials { agent, reasons: reasons.collect::<Vec<_>>().join("; ") });
    }
    Ok(())
}
