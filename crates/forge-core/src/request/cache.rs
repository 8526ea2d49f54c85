//! Where vendors may keep a prompt in their cache.

use serde::{Deserialize, Serialize};

use super::{ModelRequest, Part, Tool};

/// How long the vendor should keep the prompt up to here in its cache. A hint: vendors that cache
/// on their own ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CacheTtl {
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// One hour.
    #[serde(rename = "1h")]
    OneHour,
}

impl ModelRequest {
    /// Ends a cacheable prefix at two places that the next turn of the conversation repeats: after tools and system text, and
    /// after all that was said so far. For requests without [marks](super::Outline::cache_marks) of their own.
    ///
    /// A prompt that is not asked with again costs more by it, where vendors charge for what they keep.
    pub fn mark_cache(&mut self, ttl: CacheTtl) {
        // Vendors read the tools before the system text, so that a mark behind the text is one behind both.
        if !self.system.is_empty() {
            self.system.to_mut().last_mut().into_iter().for_each(|block| block.cache = Some(ttl));
        } else if let Some(Tool::Function(tool)) = self.tools.to_mut().last_mut() {
            tool.cache = Some(ttl);
        }
        let Some(last) = self.messages.to_mut().last_mut() else { return };
        // Vendors refuse a mark on nothing.
        let is_said = |part: &&mut Part| !matches!(part, Part::Text { text, .. } if text.trim().is_empty());
        let mut parts = last.parts.iter_mut().rev().filter(is_said);
        if let Some(mark) = parts.find_map(Part::cache_mark) {
            *mark = Some(ttl);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::{Message, MessageRole, SystemText};

    fn marked(mut request: ModelRequest) -> ModelRequest {
        assert!(!request.outline().cache_marks);
        request.mark_cache(CacheTtl::OneHour);
        request
    }

    #[test]
    fn the_marks_stand_behind_what_the_next_turn_repeats() {
        let tools = vec![Tool::function("a", json!({})), Tool::function("b", json!({}))];
        let results =
            vec![Part::tool_result("1", "first"), Part::tool_result("2", "second"), Part::text(" ")];
        let mut request = ModelRequest::new("one").with_system_text(SystemText::new("two"));
        request.tools = tools.clone().into();
        request =
            request.with_user_message("question").with_message(Message::new(MessageRole::User, results));
        let request = marked(request);
        assert_eq!(
            request.system.iter().map(|block| block.cache).collect::<Vec<_>>(),
            [None, Some(CacheTtl::OneHour)]
        );
        assert_eq!(request.tools[..], tools[..]);
        let said = request.messages.iter().flat_map(|message| &message.parts);
        assert_eq!(said.map(Part::cache).collect::<Vec<_>>(), [None, None, Some(CacheTtl::OneHour), None]);
        assert!(request.outline().cache_marks);
    }

    #[test]
    fn without_system_text_the_tools_are_kept_and_nothing_is_marked_that_cannot_be() {
        let request = ModelRequest::default().with_tool(Tool::function("a", json!({})));
        let Tool::Function(tool) = &marked(request).tools[0] else { panic!("another tool") };
        assert_eq!(tool.cache, Some(CacheTtl::OneHour));
        assert!(!marked(ModelRequest::default().with_user_message("")).outline().cache_marks);
    }
}
