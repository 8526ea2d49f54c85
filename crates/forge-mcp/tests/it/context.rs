//! The context server.

use std::path::{Path, PathBuf};

use forge_mcp::{ContextMcpServer, Roots};
use serde_json::{Value, json};

use crate::stdio::Client;

/// A folder with some code, which is removed with the value.
struct Code(PathBuf);

impl Code {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("forge-mcp-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("src")).unwrap();
        let code = Self(root);
        code.write(
            "src/lib.rs",
            "/// Adds.\npub fn add(a: u8, b: u8) -> u8 { a + b }\nfn two() -> u8 { add(1, 1) }\n",
        );
        code.write("src/test.rs", "#[test]\nfn adds() { assert_eq!(crate::add(1, 1), 2); }\n");
        code
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.0.join(path), text).unwrap();
    }

    fn server(&self) -> ContextMcpServer {
        ContextMcpServer::new(&Roots::new([self.0.clone()], None).unwrap())
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn five_tools_answer_as_the_index_does() {
    let code = Code::new("five");
    let mut client = Client::new(code.server()).await;
    let (map, _) = client.call("map", json!({"budget_tokens": 500})).await;
    assert!(map.starts_with("revision ") && map.contains("pub fn add"), "{map}");
    let (found, _) = client.call("find", json!({"symbol": "add"})).await;
    assert!(
        found.contains("src/lib.rs:2 function exact | pub fn add(a: u8, b: u8) -> u8\n  Adds.\n"),
        "{found}"
    );
    let (found, _) = client.call("find", json!({"regex": "^tw", "kind": "function"})).await;
    assert!(found.contains("src/lib.rs:3 function exact") && !found.contains("pub fn add"), "{found}");
    let (used, _) = client.call("refs", json!({"symbol": "add", "in": "src/lib.rs"})).await;
    assert!(used.contains("src/lib.rs:3 call exact in two | "), "{used}");
    let (outline, _) = client.call("outline", json!({"path": "src/lib.rs"})).await;
    assert!(outline.contains("2: function pub fn add(a: u8, b: u8) -> u8\n    Adds.\n"), "{outline}");
    let (reached, _) = client.call("impact", json!({"paths": ["src/lib.rs"], "depth": 1})).await;
    assert!(reached.contains("Tests:\nsrc/test.rs:2 function "), "{reached}");
    let diff =
        "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -3 +3 @@\n-fn two() {}\n+fn two() -> u8 { add(1, 1) }\n";
    let (reached, _) = client.call("impact", json!({"diff": diff})).await;
    assert!(reached.contains("Changed:\nsrc/lib.rs:3 ") && !reached.contains("src/lib.rs:2"), "{reached}");
}

#[tokio::test]
async fn an_answer_is_of_the_files_as_they_are() {
    let code = Code::new("fresh");
    let mut client = Client::new(code.server()).await;
    assert!(client.call("find", json!({"symbol": "three"})).await.1);
    code.write("src/more.rs", "pub fn three() {}\n");
    let (found, is_error) = client.call("find", json!({"symbol": "three"})).await;
    assert!(!is_error && found.contains("src/more.rs:1 "), "{found}");
}

#[tokio::test]
async fn a_mistake_is_told_in_band_with_what_to_do_next() {
    let code = Code::new("wrong");
    let mut client = Client::new(code.server()).await;
    for (tool, arguments, says) in [
        (
            "find",
            json!({"symbol": "ad"}),
            "\"not_found\",\"message\":\"nothing defines `ad`\",\"next\":\"these are there: add, adds\"",
        ),
        ("find", json!({"symbol": "a", "regex": "a"}), "give one of `symbol` and `regex`"),
        ("find", json!({"symbol": "a", "kind": "call"}), "`call` is no kind"),
        ("find", json!({"regex": "("}), "is no regular expression"),
        ("find", json!({"symbol": "a", "path": "x"}), "unknown field `path`"),
        ("refs", json!({}), "missing field `symbol`"),
        ("outline", json!({"path": "src/none.rs"}), "there is nothing"),
        ("outline", json!({"path": "../../etc/passwd"}), "outside of the root"),
        ("outline", json!({"path": "/etc/passwd"}), "outside of the root"),
        ("impact", json!({"paths": ["../x"]}), "outside of the root"),
        ("map", json!({"root": "/etc"}), "no_such_root"),
    ] {
        let (said, is_error) = client.call(tool, arguments.clone()).await;
        assert!(is_error && said.contains(says), "{tool} {arguments}: {said}");
        assert!(serde_json::from_str::<Value>(&said).unwrap()["error"]["next"].is_string(), "{said}");
    }
    let unknown = client.ask("tools/call", json!({"name": "grep", "arguments": {}})).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_the_root_leads_nowhere() {
    let code = Code::new("link");
    std::os::unix::fs::symlink("/etc", code.0.join("src/etc")).unwrap();
    let mut client = Client::new(code.server()).await;
    let (said, is_error) = client.call("outline", json!({"path": "src/etc/passwd"})).await;
    assert!(is_error, "{said}");
}

#[tokio::test]
async fn of_several_roots_one_is_named() {
    let (one, other) = (Code::new("one"), Code::new("other"));
    other.write("src/lib.rs", "fn elsewhere() {}\n");
    let roots = Roots::new([one.0.clone(), other.0.clone()], None).unwrap();
    let mut client = Client::new(ContextMcpServer::new(&roots)).await;
    let named = |path: &Path| json!({"symbol": "elsewhere", "root": path});
    assert!(client.call("find", named(&one.0)).await.1);
    assert!(!client.call("find", named(&other.0)).await.1);
    assert!(!client.call("find", named(other.0.file_name().unwrap().as_ref())).await.1);
}

#[tokio::test]
async fn the_list_of_tools_is_short_and_always_the_same() {
    let code = Code::new("list");
    let mut client = Client::new(code.server()).await;
    let list = client.ask("tools/list", json!({})).await;
    let names: Vec<_> = list["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["map", "find", "refs", "outline", "impact"]);
    is_short(&list);
    client.call("map", json!({})).await;
    assert_eq!(client.ask("tools/list", json!({})).await["result"], list["result"]);
}

#[tokio::test]
async fn there_are_no_prompts_and_no_resources_as_the_capabilities_say() {
    let code = Code::new("undeclared");
    let mut client = Client::new(code.server()).await;
    for (method, parameters) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "council"})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
    ] {
        assert_eq!(client.ask(method, parameters).await["error"]["code"], -32601, "{method}");
    }
}

/// Four characters are a token. The tools of a server take 2,500 of a window and one takes 350; no client reads schemas of answers.
pub(crate) fn is_short(list: &Value) {
    let tokens = |value: &Value| value.to_string().len() / 4;
    assert!(tokens(&list["result"]) <= 2_500, "{}", tokens(&list["result"]));
    for tool in list["result"]["tools"].as_array().unwrap() {
        assert!(tokens(tool) <= 350, "{} takes {}", tool["name"], tokens(tool));
        assert!(tool.get("outputSchema").is_none());
        assert!(tool["description"].as_str().unwrap().len() > 50, "{tool}");
    }
}
