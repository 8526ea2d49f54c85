//! What is said of settings that have no equivalent.

const GATEWAY: &str = "not imported: it belongs to the gateway, and Forge sends the calls itself";

/// Words for keys of `general_settings`.
pub(super) fn of_gateway(key: &str) -> String {
    match key {
        "master_key" => {
            "not imported: it is the key of the gateway's own clients, and no vendor knows it".into()
        }
        "database_url" => {
            "not imported: Forge keeps its accounts in a file of its own; `forge doctor` says where".into()
        }
        _ => GATEWAY.into(),
    }
}

/// Words for sections that are not read.
pub(super) fn of_section(key: &str) -> String {
    match key {
        "include" => "not imported: import each of the files, and put the results together".into(),
        "guardrails" | "mcp_servers" | "prompts" | "search_tools" | "vector_store_registry" => GATEWAY.into(),
        _ => "not imported: there is no equivalent".into(),
    }
}

/// Words for keys of `router_settings` and `litellm_settings`.
pub(super) fn of_setting(key: &str) -> String {
    let text = match key {
        "drop_params" | "modify_params" => {
            "nothing to do: what a model is known not to support is left out anyway, with a warning"
        }
        "redis_host" | "redis_port" | "redis_password" | "redis_url" | "cache_responses" => {
            "not imported: limits are counted by each process for itself"
        }
        "cache" | "cache_params" => "not imported: no answer is taken from a cache",
        "success_callback" | "failure_callback" | "callbacks" | "service_callback" | "service_callbacks" => {
            "not imported: see `forge metrics` for calls, tokens and money"
        }
        "set_verbose" | "json_logs" | "debug_level" => "not imported: set `FORGE_LOG`, or use `-v`",
        "retry_after" => {
            "not imported: write `retry: { initial_backoff: ... }`; what a vendor asks for is kept anyway"
        }
        "model_group_retry_policy" | "retry_policy" => {
            "not imported: `retry` holds for every failure that can pass; others are not tried again"
        }
        "enable_pre_call_checks" | "enable_pre_call_check" => {
            "nothing to do: a model whose window is too small is passed over anyway"
        }
        "ssl_verify" => "not imported: write `ca_file` of the provider for an authority of your own",
        _ => "not imported: there is no equivalent",
    };
    text.into()
}

/// Words for keys of a deployment.
pub(super) fn of_parameter(key: &str) -> String {
    let text = match key {
        "api_version" => "left out: the adapter knows it",
        "organization" | "extra_headers" | "headers" => {
            "not imported, since it may be a secret: write `headers: { NAME: \"${VARIABLE}\" }` of the provider"
        }
        "max_retries" | "num_retries" => {
            "not imported: `retry: { max_attempts: ... }` holds for every provider"
        }
        "order" => "not imported: write `strategy: priority` and the members of the pool in their order",
        "drop_params" | "additional_drop_params" => {
            "nothing to do: what a model is known not to support is left out anyway, with a warning"
        }
        "extra_body" => "not imported: write raw fields as `parameters: { extra: { ... } }` of the provider",
        "mock_response" => "not imported: `--offline` answers without any vendor",
        "tags" => "not imported: budgets by tag are under `budgets`",
        "thinking" => "not imported: write `parameters: { effort: low | medium | high }` of the provider",
        _ => "not imported: there is no equivalent",
    };
    text.into()
}
