//! A folder of its own for the command: its configuration, its accounts, its files.

use std::{path::PathBuf, process::Command};

use forge_sim::{Sim, Vendor};

use crate::{Said, forge, run};

/// The folder. It is removed with the value.
pub(crate) struct Place(PathBuf);

impl Place {
    /// An empty one.
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("forge-{name}-{}", std::process::id()));
        // What an earlier run has left behind.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// One with a configuration: `claude`, `gpt` and `gemini` as `sim` plays them, and `rest`.
    pub(crate) fn with(name: &str, sim: &Sim, rest: &str) -> Self {
        let place = Self::new(name);
        let providers = format!(
            r#"schema_version: "1.0"
providers:
  claude: {{ type: anthropic, model: claude-sonnet-5-5, api_key: "${{KEY}}", endpoint: "{}" }}
  gpt:    {{ type: openai, model: gpt-6.2-sol, api_key: "${{KEY}}", endpoint: "{}" }}
  gemini: {{ type: google, model: gemini-3.8-flash, api_key: "${{KEY}}", endpoint: "{}" }}
"#,
            sim.base_url(Vendor::Anthropic),
            sim.base_url(Vendor::OpenAi),
            sim.base_url(Vendor::Google),
        );
        std::fs::write(place.config(), providers + rest).unwrap();
        place
    }

    /// Where the configuration is.
    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("config.yaml")
    }

    /// Where `name` is or would be.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// The command, which remembers what it remembers here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = forge();
        command
            .current_dir(&self.0)
            .env("KEY", "sk-test-canary-77aa")
            .env("FORGE_HOME", &self.0)
            .args(arguments);
        if self.config().exists() {
            command.arg("--config").arg(self.config());
        }
        command
    }

    /// What the command says. It never says a key.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let said = run(&mut self.command(arguments));
        assert!(!format!("{}{}", said.stdout, said.stderr).contains("canary"), "{said:?}");
        said
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A folder that stays behind in the system's temporary one harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
