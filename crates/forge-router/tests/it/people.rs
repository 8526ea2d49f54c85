//! Participants for roles, and the tasks they do.

use std::sync::Arc;

use forge_core::{ErrorKind, Participant, ParticipantRole, storage::budget::BudgetStore as _};
use forge_router::{
    Cap, HealthStatus, ParticipantManager, ProviderPlan, RolePlan, RouterPlan, Target, TaskContext,
    TaskStatus,
};

use crate::stage::{Play, Stage, chain, question};

fn plan() -> RouterPlan {
    let mut plan = chain("drafter", &["a-1", "o-1", "g-1", "a-2"]);
    plan.roles.values_mut().next().unwrap().fallback.clear();
    let panel = RolePlan { primary: (0..3).map(Target::Provider).collect(), ..RolePlan::default() };
    plan.roles.insert(ParticipantRole::Critic, panel);
    plan.default = Some(Target::Provider(1));
    plan
}

fn manager(stage: &Stage, plan: RouterPlan) -> ParticipantManager {
    ParticipantManager::new(stage.router(plan))
}

fn ids(participants: &[Participant]) -> Vec<&str> {
    participants.iter().map(|one| one.provider_id.as_str()).collect()
}

#[test]
fn participants_stand_in_the_order_of_the_chain_preferred_and_healthy_ones_first() {
    let stage = Stage::new();
    let mut plan = plan();
    plan.providers[2].preferred_roles = vec![ParticipantRole::Critic];
    let manager = manager(&stage, plan);
    assert_eq!(ids(&manager.participants(&ParticipantRole::Critic)), ["g-1", "a-1", "o-1"]);
    assert_eq!(manager.drafter().unwrap().role, ParticipantRole::Drafter);
    stage.health("g-1", Err(ErrorKind::Transport));
    stage.run(manager.router().check());
    assert_eq!(ids(&manager.participants(&ParticipantRole::Critic)), ["a-1", "o-1", "g-1"]);
    assert_eq!(ids(&manager.available_participants()), ["a-1", "o-1", "a-2"]);
    let anybody = ids(&manager.participants(&ParticipantRole::Synthesizer)).join(" ");
    assert_eq!(anybody, "o-1 a-1 a-2 g-1", "the default, then everybody, those that are not well last");
}

#[test]
fn the_participants_of_a_job_are_different_models_where_a_role_is_named_several_times() {
    let stage = Stage::new();
    let manager = manager(&stage, plan());
    let roles = ["drafter", "critic", "critic", "synthesizer"].map(ParticipantRole::from);
    assert!(manager.active_participants().is_empty());
    let chosen = manager.initialize_participants(&roles).unwrap();
    assert_eq!(chosen.iter().map(|one| one.role.clone()).collect::<Vec<_>>(), roles);
    assert_eq!(ids(&chosen[1..3]), ids(&manager.critics(2)));
    assert_eq!(ids(&manager.clone().active_participants()), ids(&chosen), "clones share them");
    let error = manager.initialize_participants(&vec![ParticipantRole::Critic; 9]).unwrap_err();
    assert_eq!(error.role, ParticipantRole::Critic);
    assert_eq!(manager.active_participants().len(), 4, "those of before stay");
}

#[test]
fn a_provider_of_the_callers_own_answers_behind_all_layers() {
    let stage = Stage::new();
    let inner = stage.router(chain("coder", &["a-1"]));
    let own = ProviderPlan::of("own", Arc::new(inner));
    let mut plan = RouterPlan::of(vec![own]);
    plan.budget.ever = Cap { money: None, tokens: Some(1_000) };
    let outer = stage.router(plan);
    assert_eq!(stage.who(&outer, "coder"), "own");
    assert_eq!(stage.run(stage.budgets.spent("ever")).unwrap().booked.tokens, 110);
    assert_eq!(stage.run(outer.check())[0].status, HealthStatus::Ready);
}

#[test]
fn a_role_that_nobody_names_is_played_by_those_who_prefer_it_the_default_and_everybody_else() {
    let stage = Stage::new();
    let mut plan = chain("drafter", &["a-1", "o-1", "g-1", "a-2"]);
    plan.default = Some(Target::Provider(2));
    for at in [3, 1] {
        plan.providers[at].preferred_roles = vec!["coder".into()];
    }
    let router = stage.router(plan.clone());
    let order = |role: &str| {
        let trace = stage.run(router.explain(&stage.context(role), &question().into()));
        let places = trace.candidates.iter().map(|one| format!("{} {}", one.provider, one.origin));
        let people = ParticipantManager::new(router.clone()).participants(&role.into());
        let explained: Vec<_> = trace.candidates.iter().map(|one| one.provider.as_str()).collect();
        assert_eq!(ids(&people), explained, "{role}");
        places.collect::<Vec<_>>().join(", ")
    };
    let expected = "o-1 prefers the role, a-2 prefers the role, g-1 default, a-1 enabled";
    assert_eq!(order("coder"), expected);
    assert_eq!(order("poet"), "g-1 default, a-1 enabled, o-1 enabled, a-2 enabled");
    for (dead, next) in [("o-1", "a-2"), ("a-2", "g-1"), ("g-1", "a-1")] {
        stage.always(dead, Play::Fail(ErrorKind::Server));
        assert_eq!(stage.who(&router, "coder"), next, "after {dead}");
    }
    // A role that is named keeps to its own, whoever prefers it.
    let named = RolePlan { primary: vec![Target::Provider(0)], ..RolePlan::default() };
    plan.roles.insert("coder".into(), named);
    let stage = Stage::new();
    let trace = stage.run(stage.router(plan).explain(&stage.context("coder"), &question().into()));
    let asked: Vec<_> = trace.candidates.iter().map(|one| one.provider.as_str()).collect();
    assert_eq!(asked, ["a-1", "g-1"]);
}

#[test]
fn without_a_default_every_provider_stands_in_and_those_behind_a_default_pool_stand_there_once() {
    let stage = Stage::new();
    let mut plan = chain("drafter", &["a-1", "o-1", "g-1"]);
    assert_eq!(stage.who(&stage.router(plan.clone()), "poet"), "a-1");
    let members = [2, 1].map(|at| forge_router::Member { target: Target::Provider(at), weight: 1 });
    let strategy = forge_router::Strategy::Priority;
    plan.pools = vec![forge_router::PoolPlan { id: "both".into(), strategy, members: members.into() }];
    plan.default = Some(Target::Pool(0));
    let trace = stage.run(stage.router(plan).explain(&stage.context("poet"), &question().into()));
    let places: Vec<_> = trace.candidates.iter().map(|one| (one.provider.as_str(), &*one.origin)).collect();
    assert_eq!(places, [("g-1", "default, pool both"), ("o-1", "default, pool both"), ("a-1", "enabled")]);
}

#[test]
fn critics_come_from_other_vendors_than_the_drafter_as_far_as_there_are_some() {
    let panel = manager(&Stage::new(), plan());
    assert_eq!(ids(&panel.critics(2)), ["o-1", "g-1"]);
    assert_eq!(ids(&panel.critics(9)), ["o-1", "g-1", "a-1"], "nobody whom the role does not name");
    let mut open = plan();
    open.roles.remove(&ParticipantRole::Critic);
    let manager = manager(&Stage::new(), open);
    assert_eq!(ids(&manager.critics(3)), ["o-1", "g-1", "a-2"], "another model of the drafter's vendor");
    assert_eq!(ids(&manager.critics(9)), ["o-1", "g-1", "a-2", "a-1"], "no model twice");
    let critic = &manager.critics(1)[0];
    assert_eq!(critic.role, ParticipantRole::Critic);
}

#[test]
fn the_checker_is_of_another_vendor() {
    let stage = Stage::new();
    let manager = manager(&stage, plan());
    for author in manager.available_participants() {
        let checker = manager.checker(&author).unwrap();
        assert_ne!(checker.provider, author.provider);
        assert_eq!(checker.role, ParticipantRole::Reviewer);
    }
    let alone = ParticipantManager::new(stage.router(chain("drafter", &["a-1", "a-2"])));
    assert!(alone.checker(&alone.drafter().unwrap()).is_none());
    let closed = ParticipantManager::new(stage.router(chain("reviewer", &["a-1", "a-2"])));
    let author = closed.available_participants().remove(0);
    assert!(closed.checker(&author).is_none(), "nobody whom the role does not name");
}

#[test]
fn parallel_results_stand_in_the_order_of_the_requests_each_for_itself() {
    let stage = Stage::new();
    stage.always("a-1", Play::Late(3));
    stage.always("o-1", Play::Fail(ErrorKind::InvalidRequest));
    let manager = manager(&stage, plan());
    let critics = ["a-1", "o-1", "g-1"].map(|id| {
        let everybody = manager.participants(&ParticipantRole::Critic);
        everybody.into_iter().find(|one| one.provider_id == id).unwrap()
    });
    let requests = critics.into_iter().map(|critic| (critic, question())).collect();
    let results = stage.run(manager.send_parallel_requests(requests));
    let texts: Vec<_> =
        results.iter().map(|one| one.as_ref().map(|reply| reply.text().into_owned()).ok()).collect();
    assert_eq!(texts, [Some("a-1".into()), None, Some("g-1".into())]);
    let reply = results[0].as_ref().unwrap();
    assert_eq!(manager.calculate_cost(reply).unwrap().nanos(), 100 * 1_000 + 10 * 2_000);
}

#[test]
fn a_task_knows_who_did_it_and_how_often_it_was_tried() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    let manager = manager(&stage, plan());
    let mut task = TaskContext::new("t-1", ParticipantRole::Drafter);
    stage.run(manager.run_task(&mut task, question())).unwrap().unwrap();
    let done = (task.status(), task.attempts(), task.provider().unwrap().as_str());
    assert_eq!(done, (TaskStatus::Completed, 2, "o-1"));
    let again = stage.run(manager.run_task(&mut task, question()));
    assert!(again.is_err(), "what is done is done");
    assert_eq!(stage.calls("o-1"), 1);

    stage.always("o-1", Play::Fail(ErrorKind::Overloaded));
    let mut task = TaskContext::new("t-2", ParticipantRole::Drafter);
    stage.run(manager.run_task(&mut task, question())).unwrap().unwrap_err();
    assert_eq!((task.status(), task.attempts()), (TaskStatus::Failed, 2));
    assert_eq!(stage.ledger.records.lock().unwrap()[0].tags.task(), Some("t-1"));
}
