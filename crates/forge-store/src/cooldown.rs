//! Cooldowns that vendors asked for, for the processes that come after.

use chrono::DateTime;
use forge_core::storage::cooldown::{Cooldown, CooldownStore};
use rusqlite::params;

use crate::{
    codes::{error_code, error_kind},
    error::StoreError,
    store::Store,
    writer::Job,
};

impl CooldownStore for Store {
    fn cooldowns(&self) -> Vec<Cooldown> {
        let now = self.shared.options.clock.now().timestamp_millis();
        let read = self.query("read", |conn| {
            let mut find = conn.prepare("SELECT route, cause, until FROM cooldowns WHERE until > ?1")?;
            let rows = find.query_map([now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<Vec<(String, i64, i64)>, _>>()
        });
        // Without them, the vendor's next refusal says the same once more.
        let rows = read.inspect_err(|error| tracing::debug!(%error, "cooldowns are not known"));
        let cooldown = |(route, cause, until)| {
            Some(Cooldown::new(route, error_kind(cause)?, DateTime::from_timestamp_millis(until)?))
        };
        rows.unwrap_or_default().into_iter().filter_map(cooldown).collect()
    }

    fn keep(&self, cooldown: Cooldown) {
        let now = self.shared.options.clock.now().timestamp_millis();
        self.shared.submit(Job::Once(Box::new(move |writer| {
            let kept = writer.durable(|conn| {
                conn.execute("DELETE FROM cooldowns WHERE until <= ?1", [now])?;
                let row =
                    params![cooldown.route, error_code(cooldown.cause), cooldown.until.timestamp_millis()];
                conn.execute(
                    "INSERT OR REPLACE INTO cooldowns (route, cause, until) VALUES (?1, ?2, ?3)",
                    row,
                )?;
                Ok(Ok::<_, StoreError>(()))
            });
            // A cooldown that is lost costs a later process one refused call.
            if let Err(error) = kept {
                tracing::debug!(%error, "a cooldown is not kept");
            }
        })));
    }
}
