(class_declaration name: (identifier) @name body: (_) @body) @def.class
(field_definition property: (property_identifier) @name) @def.field
(field_definition property: (private_property_identifier) @name) @def.field

(class_heritage (identifier) @ref.type)

(formal_parameters (identifier) @local)
(formal_parameters (assignment_pattern left: (identifier) @local))
