; What JavaScript and TypeScript have in common.
(function_declaration name: (identifier) @name body: (_) @body) @def.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @def.function
(method_definition name: (property_identifier) @name body: (_) @body) @def.method
(method_definition name: (private_property_identifier) @name body: (_) @body) @def.method
(variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) @def.function
(variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) @def.function
(program (lexical_declaration (variable_declarator name: (identifier) @name) @def.variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @def.variable))
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name) @def.variable)))
(program (export_statement declaration: (variable_declaration (variable_declarator name: (identifier) @name) @def.variable)))

(decorator) @attr
((comment) @doc (#match? @doc "^/\\*\\*"))

(import_statement) @import
(export_statement source: (string)) @import
(lexical_declaration
  (variable_declarator value: (call_expression function: (identifier) @_require arguments: (arguments . (string) .)))
  (#eq? @_require "require")) @import
(variable_declaration
  (variable_declarator value: (call_expression function: (identifier) @_require arguments: (arguments . (string) .)))
  (#eq? @_require "require")) @import

(identifier) @ref.name
(shorthand_property_identifier) @ref.name
(property_identifier) @ref.member
(private_property_identifier) @ref.member
(pair key: (property_identifier) @skip)
(pair_pattern key: (property_identifier) @skip)

(variable_declarator name: (identifier) @local) @after
(array_pattern (identifier) @local)
(rest_pattern (identifier) @local)
(shorthand_property_identifier_pattern) @local
(object_assignment_pattern left: (shorthand_property_identifier_pattern) @local)
(pair_pattern value: (identifier) @local)
(catch_clause parameter: (identifier) @local)
(arrow_function parameter: (identifier) @local)
(for_in_statement left: (identifier) @local)
