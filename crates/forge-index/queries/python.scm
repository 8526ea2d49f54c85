(function_definition name: (identifier) @name body: (_) @body) @def.function
(class_definition name: (identifier) @name body: (_) @body) @def.class
(module (expression_statement (assignment left: (identifier) @name) @def.variable))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @def.field)))

(decorator) @attr
(module . (expression_statement (string) @doc.file))
(module . (comment) . (expression_statement (string) @doc.file))
(function_definition body: (block . (expression_statement (string) @doc.inside)))
(class_definition body: (block . (expression_statement (string) @doc.inside)))

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

(identifier) @ref.name
(type (identifier) @ref.type)
(class_definition superclasses: (argument_list (identifier) @ref.type))
(keyword_argument name: (identifier) @skip)

(parameters (identifier) @local)
(parameters (default_parameter name: (identifier) @local))
(typed_parameter . (identifier) @local)
(typed_default_parameter name: (identifier) @local)
(list_splat_pattern (identifier) @local)
(dictionary_splat_pattern (identifier) @local)
(lambda_parameters (identifier) @local)
(assignment left: (identifier) @local) @after
(pattern_list (identifier) @local)
(tuple_pattern (identifier) @local)
(for_statement left: (identifier) @local)
(for_in_clause left: (identifier) @local)
(as_pattern_target (identifier) @local)
(named_expression name: (identifier) @local) @after
