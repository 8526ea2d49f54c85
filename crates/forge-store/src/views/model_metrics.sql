CREATE VIEW model_metrics AS
SELECT
    date(hour * 3600, 'unixepoch') AS day,
    (SELECT name FROM names WHERE id = rollups.provider) AS provider,
    (SELECT name FROM names WHERE id = rollups.model) AS model,
    (SELECT name FROM names WHERE id = rollups.role) AS role,
    sum(calls) AS calls,
    sum(attempts) AS attempts,
    sum(iif(status = {SUCCESS}, attempts, 0)) AS successes,
    sum(iif(status = {FAILURE}, attempts, 0)) AS failures,
    sum(iif(status = {RETRY}, attempts, 0)) AS retries,
    sum(iif(status = {CANCELLED}, attempts, 0)) AS cancelled,
    sum(iif(status = {KILLED}, attempts, 0)) AS killed,
    sum(fallbacks) AS fallbacks,
    -- NULL without any attempt that ended by itself.
    1.0 * sum(iif(status = {SUCCESS}, attempts, 0))
        / nullif(sum(iif(status IN ({SUCCESS}, {FAILURE}), attempts, 0)), 0) AS success_rate,
    sum(iif(status IN ({CANCELLED}, {KILLED}), 0, latency_sum)) / 1000.0
        / nullif(sum(iif(status IN ({CANCELLED}, {KILLED}), 0, attempts)), 0) AS duration_ms_mean,
    sum(input) AS input_tokens,
    sum(cache_read) AS cache_read_tokens,
    sum(cache_write_5m) AS cache_write_5m_tokens,
    sum(cache_write_1h) AS cache_write_1h_tokens,
    sum(other_input) AS other_input_tokens,
    sum(output) AS output_tokens,
    sum(reasoning) AS reasoning_tokens,
    sum(input + cache_read + cache_write_5m + cache_write_1h + other_input + output + reasoning) AS total_tokens,
    sum(unknown_tokens) AS unknown_tokens,
    sum(cost) AS cost_nano_usd,
    sum(cost) / 1e9 AS cost_usd,
    sum(unknown_cost) AS unknown_cost
FROM rollups
WHERE width = 24
GROUP BY hour, rollups.provider, rollups.model, rollups.role
