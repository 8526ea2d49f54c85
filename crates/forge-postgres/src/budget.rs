//! Budgets: a reservation is one statement over all of its caps.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use deadpool_postgres::Object;
use forge_core::{
    Money,
    storage::{
        StorageError, StorageErrorKind,
        budget::{
            Amount, Blocker, BudgetCap, BudgetError, BudgetStore, DeadCharge, Holder, ReservationId, Spent,
        },
    },
};
use tokio::sync::oneshot;

use crate::{
    error::Failure,
    process::{self, Ends},
    shared::{Shared, limited},
    store::PostgresStore,
    text::{escape, unescape},
};

/// What is asked for, kept by value for the thread that asks.
struct Ask {
    id: i64,
    caps: Vec<BudgetCap>,
    amount: Amount,
    holder: Option<Holder>,
}

/// A reservation that nobody may know of yet: it is freed unless its caller takes it. Whether a question that failed has reserved
/// something, nobody knows, so that it is freed as well.
struct Made {
    id: Option<i64>,
    ends: Ends,
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.ends.end(id, Amount::default());
        }
    }
}

impl Shared {
    /// A number that no other store gives out: that of the store, and how many it gave out before. As it is known before the
    /// question, it can be freed whatever becomes of the answer.
    fn next_reservation(&self) -> i64 {
        (self.process << 36) | self.reserved.fetch_add(1, Ordering::Relaxed)
    }
}

impl Ask {
    async fn reserve(&self, shared: &Shared, client: &Object) -> Result<Result<(), BudgetError>, Failure> {
        // What the dead had set aside is taken out only where there is no room: else nobody has to wait for it.
        match self.once(shared, client).await? {
            Err(BudgetError::Exceeded { blocked_by: Some(_), .. }) if process::sweep(client).await? > 0 => {
                self.once(shared, client).await
            }
            made => Ok(made),
        }
    }

    async fn once(&self, shared: &Shared, client: &Object) -> Result<Result<(), BudgetError>, Failure> {
        let keys: Vec<_> = self.caps.iter().map(|cap| escape(&cap.key)).collect();
        let money: Vec<_> =
            self.caps.iter().map(|cap| cap.money.map(|money| money.nanos().to_string())).collect();
        let tokens: Vec<_> =
            self.caps.iter().map(|cap| cap.tokens.map(|tokens| tokens.to_string())).collect();
        let shares: Vec<_> = self.caps.iter().map(|cap| !cap.per_call).collect();
        let (ask_money, ask_tokens) = digits(self.amount);
        let owner = self.holder.as_ref().map(|holder| escape(&holder.owner));
        let instance = self.holder.as_ref().and_then(|holder| holder.instance.as_deref()).map(escape);
        let sql = "SELECT full_cap, waiting_helps FROM reserve($1, $2::text[]::numeric[],
            $3::text[]::numeric[], $4, $5::text::numeric, $6::text::numeric, $7, $8, $9, $10)";
        let statement = client.prepare_cached(sql).await?;
        let row = client
            .query_one(
                &statement,
                &[
                    &keys,
                    &money,
                    &tokens,
                    &shares,
                    &ask_money,
                    &ask_tokens,
                    &shared.process,
                    &owner,
                    &instance,
                    &self.id,
                ],
            )
            .await?;
        let Some(full) = row.get::<_, Option<i64>>(0) else { return Ok(Ok(())) };
        let key = usize::try_from(full - 1).ok().and_then(|at| self.caps.get(at)).map_or("", |cap| &*cap.key);
        let blocker = match row.get(1) {
            Some(true) => blocker(client, key, shared.options.reservation_ttl).await?,
            _ => None,
        };
        Ok(Err(BudgetError::Exceeded { key: key.to_owned(), blocked_by: blocker }))
    }
}

/// Who holds the largest part of a budget.
async fn blocker(client: &Object, key: &str, ttl: Duration) -> Result<Option<Blocker>, Failure> {
    let sql = "SELECT owner, instance, (extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
        FROM reservations r JOIN processes p ON p.id = r.process
        WHERE counted AND keys @> ARRAY[$1] ORDER BY money DESC, tokens DESC LIMIT 1";
    let Some(row) = client.query_opt(sql, &[&escape(key)]).await? else { return Ok(None) };
    let text = |at| row.get::<_, Option<&str>>(at).map(|text| unescape(text).into_owned());
    let instance = text(1);
    let holder = text(0).map(|owner| match instance {
        Some(instance) => Holder::new(owner).with_instance(instance),
        None => Holder::new(owner),
    });
    let left = Duration::from_millis(u64::try_from(row.get::<_, i64>(2)).unwrap_or(0));
    // It says four times in that time that it is alive: with less than half of it left it has most likely died.
    Ok(Some(Blocker::new(holder).lapsing(left, left < ttl / 2)))
}

/// Sums may be larger than any number that the protocol has, so that amounts travel as digits.
fn digits(amount: Amount) -> (String, String) {
    (amount.money.nanos().to_string(), amount.tokens.to_string())
}

#[async_trait]
impl BudgetStore for PostgresStore {
    async fn reserve(
        &self,
        caps: &[BudgetCap],
        amount: Amount,
        holder: Option<&Holder>,
    ) -> Result<ReservationId, BudgetError> {
        self.ends.passed().await;
        let id = self.shared.next_reservation();
        let ask = Ask { id, caps: caps.to_vec(), amount, holder: holder.cloned() };
        let made = Made { id: Some(id), ends: self.ends.clone() };
        let question = limited(Arc::clone(&self.shared), move |shared, client| async move {
            ask.reserve(&shared, &client).await
        });
        let (sender, outcome) = oneshot::channel();
        // To its end also when the caller has gone: only then is it known what there is to be freed.
        self.spawn(async move {
            let mut made = made;
            let outcome = question.await;
            if let Ok(Err(_)) = &outcome {
                made.id = None;
            }
            let _ = sender.send(outcome.map(|outcome| outcome.map(|()| made)));
        });
        let closed = |error| StorageError::new(StorageErrorKind::Closed, "reserve in a budget", error);
        let outcome = outcome.await.map_err(closed)?;
        let mut made = outcome.map_err(|failure| failure.to("reserve in a budget"))??;
        made.id = None;
        Ok(ReservationId(id.unsigned_abs()))
    }

    fn settle(&self, reservation: ReservationId, actual: Amount) {
        // No reservation has a larger number, so that there is nothing to end.
        if let Ok(id) = i64::try_from(reservation.0) {
            self.ends.end(id, actual);
        }
    }

    fn release(&self, reservation: ReservationId) {
        self.settle(reservation, Amount::default());
    }

    async fn spent(&self, key: &str) -> Result<Spent, BudgetError> {
        self.ends.passed().await;
        let key = escape(key).into_owned();
        let ask = move |_: Arc<Shared>, client: Object| async move {
            process::sweep(&client).await?;
            let most = "18446744073709551615";
            let sql = format!(
                "SELECT least(money, {most})::text, least(tokens, {most})::text,
                     least(reserved_money, {most})::text, least(reserved_tokens, {most})::text
                 FROM budgets WHERE key = $1"
            );
            let statement = client.prepare_cached(&sql).await?;
            let Some(row) = client.query_opt(&statement, &[&key]).await? else { return Ok(Spent::default()) };
            let number = |at| row.get::<_, &str>(at).parse().unwrap_or(u64::MAX);
            let amount = |at| Amount::new(Money::from_nanos(number(at)), number(at + 1));
            Ok(Spent { booked: amount(0), reserved: amount(2) })
        };
        Ok(self.ask("read a budget", ask).await?)
    }

    async fn settle_holder(&self, holder: &Holder, charge: DeadCharge) -> Result<u64, BudgetError> {
        self.ends.passed().await;
        let holder = holder.clone();
        let charge = match charge {
            DeadCharge::Reserved => None,
            DeadCharge::Each(amount) => Some(digits(amount)),
        };
        let work = move |_: Arc<Shared>, client: Object| async move {
            let sql = "SELECT end_reservations(ids, array_fill($3::text::numeric, ARRAY[cardinality(ids)]),
                           array_fill($4::text::numeric, ARRAY[cardinality(ids)]))
                FROM (SELECT ARRAY(SELECT id FROM reservations
                    WHERE owner = $1 AND ($2::text IS NULL OR instance = $2)) AS ids) AS found";
            let (money, tokens) = charge.unzip();
            let row = client
                .query_one(
                    sql,
                    &[&escape(&holder.owner), &holder.instance.as_deref().map(escape), &money, &tokens],
                )
                .await?;
            Ok(row.get::<_, i64>(0).unsigned_abs())
        };
        Ok(self.ask("settle the reservations of a holder that died", work).await?)
    }
}
