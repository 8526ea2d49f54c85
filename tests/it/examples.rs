use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use forge_sim::Vendor;

use crate::{run, with_sim};

/// Runs an example as its head comment says.
fn example(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--locked", "-p", "forge-examples", "--example", name]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

#[test]
fn one_adapter_streams_an_answer_and_says_what_it_took() {
    with_sim("{}", |sim| {
        let mut command = example("one_adapter");
        command
            .env("ANTHROPIC_API_KEY", "sk-test-1")
            .env("ANTHROPIC_BASE_URL", sim.base_url(Vendor::Anthropic));
        let said = run(&mut command);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains("ring buffer"), "{}", said.stdout);
        assert!(said.stderr.contains(" in, ") && said.stderr.contains('$'), "{}", said.stderr);
        assert_eq!(sim.journal().len(), 1);
    });
}

#[test]
fn a_layer_of_ones_own_sees_every_call() {
    let said = run(&mut example("layers"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("mutex") && said.stdout.contains("semaphore"), "{}", said.stdout);
    let total: u64 = said.stderr.split(' ').next().unwrap().trim().parse().unwrap();
    assert!(total > 50, "{}", said.stderr);
}

#[test]
fn a_session_runs_over_adapters_a_router_and_a_script_alike() {
    let said = run(&mut example("forge_session"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let lines: Vec<&str> = said.stdout.lines().collect();
    for (line, over) in lines.iter().zip(["three adapters", "a router", "a script"]) {
        assert!(line.starts_with(&format!("over {over}: ")), "{line}");
    }
    assert!(lines[0].contains("synthesis, 4 calls") && lines[1].contains("synthesis, 4 calls"), "{lines:?}");
}

#[test]
fn a_dropped_run_is_taken_up_without_asking_again() {
    let said = run(&mut example("resume"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    // The draft once, the critique that was in flight twice, the synthesis and the check.
    assert_eq!(said.stdout, "cut: true, requests: 2\nsynthesis, 5 calls, requests: 5\n", "{}", said.stderr);
}

#[cfg(unix)]
#[test]
fn a_workflow_goes_from_its_task_to_the_folder() {
    let said = run(&mut example("workflow_mode"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for expected in ["writes total.awk", "awaiting merge, read 1 times", "{ sum += $2 }"] {
        assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
    }
}

#[test]
fn commands_are_executed_by_a_line() {
    let said = run(&mut example("slash_commands"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for expected in [
        "3 words",
        "design.md",
        "Refactor the database layer",
        "1 questions carried",
        "did you mean /context?",
    ] {
        assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
    }
}

#[test]
fn both_mcp_servers_answer_each_at_its_own_port() {
    let mut process = example("mcp_servers").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(process.stdout.take().unwrap()).lines();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let tools = said.take(2).map(|line| {
        let line = line.unwrap();
        let (address, path) = line.strip_prefix("serving http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.matches("\"inputSchema\"").count()
    });
    assert_eq!(tools.collect::<Vec<_>>(), [5, 6]);
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
}
