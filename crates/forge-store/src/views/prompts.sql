CREATE VIEW prompts AS
WITH used AS MATERIALIZED (
    SELECT
        ' ' || json_extract(tags, '$.prompt') || ' ' AS prompts,
        count(*) AS calls,
        sum(status = {SUCCESS}) AS successes,
        sum(cost) AS cost
    FROM attempts
    WHERE ends = 1 AND tags IS NOT NULL AND json_extract(tags, '$.prompt') IS NOT NULL
    GROUP BY 1
)
SELECT
    name AS prompt,
    number AS version,
    hash,
    file,
    text,
    strftime('%Y-%m-%dT%H:%M:%fZ', prompt_versions.first_used / 1000.0, 'unixepoch') AS first_used,
    (SELECT group_concat(label, ' ') FROM (
        SELECT label FROM prompt_labels AS moved
        WHERE moved.name = prompt_versions.name AND moved.version = prompt_versions.number AND moved.place =
            (SELECT max(place) FROM prompt_labels AS last WHERE last.name = moved.name AND last.label = moved.label)
        ORDER BY label)) AS labels,
    coalesce((SELECT sum(used.calls) FROM used WHERE instr(prompts, ' ' || name || '@' || hash || ' ') > 0), 0) AS calls,
    coalesce((SELECT sum(used.successes) FROM used WHERE instr(prompts, ' ' || name || '@' || hash || ' ') > 0), 0)
        AS successes,
    (SELECT sum(used.cost) FROM used WHERE instr(prompts, ' ' || name || '@' || hash || ' ') > 0) AS cost_nano_usd
FROM prompt_versions
