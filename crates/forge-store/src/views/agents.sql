CREATE VIEW agents AS
SELECT
    name AS agent,
    role,
    provider,
    model,
    temperature,
    max_steps,
    max_tokens,
    max_cost AS max_cost_nano_usd,
    hash,
    strftime('%Y-%m-%dT%H:%M:%fZ', agent_settings.first_used / 1000.0, 'unixepoch') AS first_used,
    strftime('%Y-%m-%dT%H:%M:%fZ', agent_settings.last_used / 1000.0, 'unixepoch') AS last_used
FROM agent_settings
