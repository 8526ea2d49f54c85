//! Cooldowns that vendors asked for, for the processes that come after.

use std::sync::Arc;

use deadpool_postgres::Object;
use forge_core::storage::cooldown::{Cooldown, CooldownStore};
use tokio_postgres::Row;

use crate::{
    shared::{Shared, limited},
    store::PostgresStore,
    time,
};

impl CooldownStore for PostgresStore {
    fn cooldowns(&self) -> Vec<Cooldown> {
        let ask = limited(Arc::clone(&self.shared), |shared: Arc<Shared>, client: Object| async move {
            let sql = "SELECT route, cause, until FROM cooldowns WHERE until > $1";
            Ok(client.query(sql, &[&shared.now()]).await?)
        });
        // Without them, the vendor's next refusal says the same once more.
        let rows = self.wait(ask).inspect_err(|failure| tracing::debug!(?failure, "cooldowns are not known"));
        let cooldown = |row: &Row| {
            let cause = serde_json::from_value(row.get::<_, &str>(1).into()).ok()?;
            Some(Cooldown::new(row.get::<_, &str>(0), cause, time(row.get(2))))
        };
        rows.unwrap_or_default().iter().filter_map(cooldown).collect()
    }

    fn keep(&self, cooldown: Cooldown) {
        let keep = limited(Arc::clone(&self.shared), move |shared: Arc<Shared>, client: Object| async move {
            let (until, cause) = (cooldown.until.timestamp_millis(), cooldown.cause.as_str());
            client.execute("DELETE FROM cooldowns WHERE until <= $1", &[&shared.now()]).await?;
            let put = "INSERT INTO cooldowns (route, cause, until) VALUES ($1, $2, $3)
                ON CONFLICT (route) DO UPDATE SET cause = excluded.cause, until = excluded.until";
            client.execute(put, &[&cooldown.route, &cause, &until]).await?;
            Ok(())
        });
        self.spawn(async move {
            // A cooldown that is lost costs a later process one refused call.
            if let Err(failure) = keep.await {
                tracing::debug!(?failure, "a cooldown is not kept");
            }
        });
    }
}
