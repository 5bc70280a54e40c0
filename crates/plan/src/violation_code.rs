//! The codes of what can be wrong with a plan document, an expression or an input before anything runs.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $remedy:literal;)*) => {
        /// A stable code of a violation. The page `docs/violations.md` is generated from this table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ViolationCode {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ViolationCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [ViolationCode] = &[$(ViolationCode::$variant,)*];

            /// The code as it is written everywhere outside.
            pub fn as_str(self) -> &'static str {
                match self { $(ViolationCode::$variant => $name,)* }
            }

            /// When the code is given.
            pub fn meaning(self) -> &'static str {
                match self { $(ViolationCode::$variant => concat!($($doc,)*).trim_ascii(),)* }
            }

            /// What the author of the plan can do.
            pub fn remedy(self) -> &'static str {
                match self { $(ViolationCode::$variant => $remedy,)* }
            }
        }

        impl std::str::FromStr for ViolationCode {
            type Err = UnknownViolationCode;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($name => Ok(ViolationCode::$variant),)* _ => Err(UnknownViolationCode(text.to_owned())) }
            }
        }
    };
}

codes! {
    /// The document is larger than is accepted.
    DocumentTooLarge = "DOCUMENT_TOO_LARGE", "split the plan, or pass large values as inputs or files";
    /// Lists and objects are nested deeper than is accepted.
    NestingTooDeep = "NESTING_TOO_DEEP", "flatten the value";
    /// The text is not UTF-8.
    EncodingInvalid = "ENCODING_INVALID", "save the file as UTF-8";
    /// The document is not well-formed YAML or JSON.
    SyntaxInvalid = "SYNTAX_INVALID", "correct the text at the place that the message names";
    /// The document uses a part of YAML that plans leave out: an anchor, an alias, a merge key or a tag.
    YamlFeatureRefused = "YAML_FEATURE_REFUSED", "write the value out where it is used";
    /// An object holds the same key twice.
    DuplicateKey = "DUPLICATE_KEY", "keep one of the two";
    /// A number is not finite, or a whole number is too large to be kept exactly.
    NumberOutOfRange = "NUMBER_OUT_OF_RANGE", "write the number as a string";
    /// An object holds a key that the plan format does not know.
    KeyUnknown = "KEY_UNKNOWN", "correct the key or remove it; notes belong under `metadata`";
    /// An object lacks a key that it must hold.
    KeyMissing = "KEY_MISSING", "add the key";
    /// An object holds keys that exclude each other.
    KeyConflict = "KEY_CONFLICT", "keep one of the keys that the message names";
    /// A value is of another type than its place asks for.
    TypeMismatch = "TYPE_MISMATCH", "write a value of the type that the message names";
    /// A value is too small, too large, too short or too long.
    ValueOutOfRange = "VALUE_OUT_OF_RANGE", "choose a value within the limits that the message names";
    /// A value is none of those that its place knows.
    ValueUnknown = "VALUE_UNKNOWN", "choose one of the values that the message names";
    /// The plan is written in a version of the format that is not known here.
    VersionUnsupported = "VERSION_UNSUPPORTED", "write `version: 1`, or use a newer mandate";
    /// A name has a form that is not accepted.
    NameInvalid = "NAME_INVALID", "write the name in the form that the message gives";
    /// A step's id has a form that is not accepted, or is a word of the expression language.
    StepIdInvalid = "STEP_ID_INVALID", "start with a lower-case letter; go on with lower-case letters, digits and `_`; at most 64";
    /// Two steps have the same id; the ids of fallback and finally steps count too.
    StepIdDuplicate = "STEP_ID_DUPLICATE", "give each step its own id";
    /// The plan has too few or too many steps.
    StepCount = "STEP_COUNT", "stay within the number of steps that the message names";
    /// The plan holds more expressions, patterns or inputs than is accepted.
    PlanTooLarge = "PLAN_TOO_LARGE", "split the plan, or pass what repeats as data and loop over it with `for_each`";
    /// A tool's name is not of the form `server.tool`.
    ToolNameInvalid = "TOOL_NAME_INVALID", "write `server.tool`, as `mandate tools list` shows it";
    /// No tool of that name is registered.
    ActionNotFound = "ACTION_NOT_FOUND", "`mandate tools list` shows the tools there are; add the server or tool to `mandate.toml`";
    /// A step that this one names does not exist or does not stand above it.
    DependencyUnresolved = "DEPENDENCY_UNRESOLVED", "let `after`, `depends_on` and expressions name only steps above this one";
    /// The arguments do not fit the tool's input schema.
    ArgumentInvalid = "ARGUMENT_INVALID", "`mandate tools show NAME` shows what the tool takes";
    /// A JSON Schema in the plan is not a valid one.
    SchemaInvalid = "SCHEMA_INVALID", "correct the schema; it is read as JSON Schema 2020-12";
    /// An input's default does not fit the input's own schema.
    DefaultInvalid = "DEFAULT_INVALID", "change the default or the schema";
    /// An input was given that the plan does not declare.
    InputUnknown = "INPUT_UNKNOWN", "correct the name, or declare it under `inputs`";
    /// An input that the plan requires was not given.
    InputMissing = "INPUT_MISSING", "give the input, or declare a default";
    /// An input does not fit its schema.
    InputInvalid = "INPUT_INVALID", "give a value that fits what the plan declares under `inputs`";
    /// A glob or a regular expression cannot be read, or grows too large.
    PatternInvalid = "PATTERN_INVALID", "correct the pattern; regular expressions know no look-around and no back-references";
    /// A text that should be a JSON pointer is none.
    PointerInvalid = "POINTER_INVALID", "write `/key/0/key`, or the empty text for the whole value";
    /// A fallback step has a fallback of its own.
    FallbackNested = "FALLBACK_NESTED", "give fallback steps `halt` or `skip`";
    /// A step under `finally` uses what such steps may not have.
    FinallyInvalid = "FINALLY_INVALID", "`finally` takes at most 8 steps, with `on_failure: skip` only";
    /// Two steps with effects may run at the same time: no edge orders them.
    EffectsUnordered = "EFFECTS_UNORDERED", "name one under `after` of the other, or leave it if any order is right";
    /// An expression cannot be read.
    ExpressionSyntax = "EXPRESSION_SYNTAX", "correct the expression at the place that the message names; docs/expressions.md shows the language";
    /// An expression is longer than 2 KiB.
    ExpressionTooLarge = "EXPRESSION_TOO_LARGE", "compute part of it in a `data.value` step and refer to that";
    /// An expression nests too deep, or loops too often.
    ExpressionTooComplex = "EXPRESSION_TOO_COMPLEX", "compute part of it in a `data.value` step and refer to that";
    /// An expression calls a function that does not exist.
    FunctionUnknown = "FUNCTION_UNKNOWN", "docs/expressions.md lists the functions";
    /// An expression calls a function with too few or too many arguments, or with an argument that cannot be right.
    FunctionArity = "FUNCTION_ARITY", "call the function as the message shows";
    /// An expression names a variable that is not in scope there.
    VariableUnknown = "VARIABLE_UNKNOWN", "use one of the names that the message lists";
    /// A step id in an expression is computed, and not written out.
    StepReferenceDynamic = "STEP_REFERENCE_DYNAMIC", "write the step id literally, as in `steps.fetch.output` or `failed(\"fetch\")`";
    /// `steps.<id>` is followed by a word that steps do not have.
    StepFieldUnknown = "STEP_FIELD_UNKNOWN", "a step has `output`, `args`, `state`, `error` and `errors`";
    /// A `${` in a string has no `}`.
    TemplateUnclosed = "TEMPLATE_UNCLOSED", "close it with `}`, or write `$${` for a literal `${`";
    /// A string holds one `${…}` and white space beside it, so that the value would become text by accident.
    TemplateWhitespace = "TEMPLATE_WHITESPACE", "use `>-` or drop the line break";
    /// A tool that somebody outside calls stands where nobody outside is.
    ToolExternal = "TOOL_EXTERNAL", "write `mode: agent`, and let whoever calls it take its turn with `executions enforce`; steps under `finally`, undo calls and nested plans cannot call it";
    /// A secret stands where none may.
    SecretMisplaced = "SECRET_MISPLACED", "write `${secrets.NAME}` alone, inside a string of `args`, for a tool that may receive secrets";
}

impl fmt::Display for ViolationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no violation code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a violation code")]
pub struct UnknownViolationCode(pub String);
