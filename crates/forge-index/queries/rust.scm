; Definitions. A function inside of an `impl` or a trait becomes a method.
(function_item name: (identifier) @name body: (_) @body) @def.function
(function_signature_item name: (identifier) @name) @def.function
(struct_item name: (type_identifier) @name) @def.struct
(union_item name: (type_identifier) @name) @def.struct
(enum_item name: (type_identifier) @name body: (_) @body) @def.enum
(enum_variant name: (identifier) @name) @def.variant
(field_declaration name: (field_identifier) @name) @def.field
(trait_item name: (type_identifier) @name body: (_) @body) @def.trait
(type_item name: (type_identifier) @name) @def.type
(associated_type name: (type_identifier) @name) @def.type
(const_item name: (identifier) @name) @def.constant
(static_item name: (identifier) @name) @def.constant
(mod_item name: (identifier) @name) @def.module
(macro_definition name: (identifier) @name) @def.macro
(impl_item type: (type_identifier) @name body: (_) @body) @def.impl
(impl_item type: (generic_type type: (type_identifier) @name) body: (_) @body) @def.impl
(impl_item type: (scoped_type_identifier name: (type_identifier) @name) body: (_) @body) @def.impl
(impl_item type: (reference_type type: (type_identifier) @name) body: (_) @body) @def.impl

; What stands above a definition.
(attribute_item) @attr
((line_comment) @doc (#match? @doc "^///"))
((block_comment) @doc (#match? @doc "^/\\*\\*"))
((line_comment) @doc.file (#match? @doc.file "^//!"))

(use_declaration) @import
(extern_crate_declaration) @import

; Uses: every name that is none of a definition, a binding or an import.
(identifier) @ref.name
(type_identifier) @ref.type
(field_identifier) @ref.member

; Bindings, which hide definitions of their name.
(let_declaration pattern: (identifier) @local) @after
(let_declaration pattern: (mut_pattern (identifier) @local)) @after
(parameter pattern: (identifier) @local)
(parameter pattern: (mut_pattern (identifier) @local))
(closure_parameters (identifier) @local)
(for_expression pattern: (identifier) @local)
(tuple_pattern (identifier) @local)
(slice_pattern (identifier) @local)
(tuple_struct_pattern type: (_) (identifier) @local)
(ref_pattern (identifier) @local)
(reference_pattern (identifier) @local)
(captured_pattern . (identifier) @local)
(match_pattern (identifier) @local)
(field_pattern name: (shorthand_field_identifier) @local)
(field_pattern pattern: (identifier) @local)
(type_parameter name: (type_identifier) @local)
