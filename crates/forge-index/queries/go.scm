(function_declaration name: (identifier) @name body: (_) @body) @def.function
(method_declaration
  receiver: (parameter_list (parameter_declaration name: (identifier)? @self type: (type_identifier) @owner))
  name: (field_identifier) @name body: (_) @body) @def.method
(method_declaration
  receiver: (parameter_list (parameter_declaration name: (identifier)? @self type: (pointer_type (type_identifier) @owner)))
  name: (field_identifier) @name body: (_) @body) @def.method
(method_declaration
  receiver: (parameter_list (parameter_declaration name: (identifier)? @self type: (generic_type type: (type_identifier) @owner)))
  name: (field_identifier) @name body: (_) @body) @def.method
(method_declaration
  receiver: (parameter_list (parameter_declaration name: (identifier)? @self type: (pointer_type (generic_type type: (type_identifier) @owner))))
  name: (field_identifier) @name body: (_) @body) @def.method
(type_spec name: (type_identifier) @name type: (struct_type)) @def.struct
(type_spec name: (type_identifier) @name type: (interface_type)) @def.interface
(type_spec name: (type_identifier) @name) @def.type
(type_alias name: (type_identifier) @name) @def.type
(field_declaration name: (field_identifier) @name) @def.field
(method_elem name: (field_identifier) @name) @def.method
(source_file (const_declaration (const_spec name: (identifier) @name) @def.constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @def.variable))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @def.variable)))

(comment) @doc
(import_spec) @import

(identifier) @ref.name
(type_identifier) @ref.type
(field_identifier) @ref.member
(keyed_element . (literal_element (identifier) @ref.member))

(parameter_declaration name: (identifier) @local)
(variadic_parameter_declaration name: (identifier) @local)
(short_var_declaration left: (expression_list (identifier) @local)) @after
(var_spec name: (identifier) @local) @after
(range_clause left: (expression_list (identifier) @local))
(type_parameter_declaration name: (identifier) @local)
