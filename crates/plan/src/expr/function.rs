//! The functions that expressions may call: their names, how they are called, and how many arguments they take.

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `f(x)`, or `space.f(x)`.
    Global,
    /// `x.f()`.
    Method,
    /// Both `f(x)` and `x.f()`.
    Either,
}

macro_rules! functions {
    ($($variant:ident = $name:literal, $form:ident, $min:literal ..= $max:literal, $usage:literal;)*) => {
        /// A function that is called with evaluated arguments; a receiver is its first argument.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(super) enum Function { $($variant,)* }

        impl Function {
            pub(super) const ALL: &'static [Function] = &[$(Function::$variant,)*];

            pub(super) fn name(self) -> &'static str {
                match self { $(Function::$variant => $name,)* }
            }

            pub(super) fn form(self) -> Form {
                match self { $(Function::$variant => Form::$form,)* }
            }

            /// Fewest and most arguments, the receiver counted.
            pub(super) fn arity(self) -> (usize, usize) {
                match self { $(Function::$variant => ($min, $max),)* }
            }

            /// How a call looks, for messages and for the documentation.
            pub(super) fn usage(self) -> &'static str {
                match self { $(Function::$variant => $usage,)* }
            }
        }
    };
}

functions! {
    Size = "size", Either, 1..=1, "x.size()";
    Type = "type", Global, 1..=1, "type(x)";
    Dyn = "dyn", Global, 1..=1, "dyn(x)";
    Int = "int", Global, 1..=1, "int(x)";
    Uint = "uint", Global, 1..=1, "uint(x)";
    Double = "double", Global, 1..=1, "double(x)";
    String = "string", Global, 1..=1, "string(x)";
    Bool = "bool", Global, 1..=1, "bool(x)";
    Bytes = "bytes", Global, 1..=1, "bytes(text)";
    Timestamp = "timestamp", Global, 1..=1, "timestamp(\"2026-01-31T12:00:00Z\")";
    Duration = "duration", Global, 1..=1, "duration(\"1h30m\")";

    Contains = "contains", Method, 2..=2, "text.contains(part)";
    StartsWith = "startsWith", Method, 2..=2, "text.startsWith(part)";
    EndsWith = "endsWith", Method, 2..=2, "text.endsWith(part)";
    Matches = "matches", Either, 2..=2, "text.matches(pattern)";
    CharAt = "charAt", Method, 2..=2, "text.charAt(index)";
    IndexOf = "indexOf", Method, 2..=3, "text.indexOf(part, from)";
    LastIndexOf = "lastIndexOf", Method, 2..=3, "text.lastIndexOf(part, from)";
    LowerAscii = "lowerAscii", Method, 1..=1, "text.lowerAscii()";
    UpperAscii = "upperAscii", Method, 1..=1, "text.upperAscii()";
    Trim = "trim", Method, 1..=1, "text.trim()";
    Replace = "replace", Method, 3..=4, "text.replace(part, by, limit)";
    Split = "split", Method, 2..=3, "text.split(separator, limit)";
    Substring = "substring", Method, 2..=3, "text.substring(start, end)";
    Format = "format", Method, 2..=2, "\"%s and %d\".format([text, number])";
    Quote = "strings.quote", Global, 1..=1, "strings.quote(text)";
    Join = "join", Method, 1..=2, "list.join(separator)";

    RegexExtract = "regex.extract", Global, 2..=2, "regex.extract(text, pattern)";
    RegexExtractAll = "regex.extractAll", Global, 2..=2, "regex.extractAll(text, pattern)";
    RegexReplace = "regex.replace", Global, 3..=4, "regex.replace(text, pattern, by, limit)";

    Sort = "sort", Method, 1..=1, "list.sort()";
    Distinct = "distinct", Method, 1..=1, "list.distinct()";
    Flatten = "flatten", Method, 1..=2, "list.flatten(depth)";
    Slice = "slice", Method, 3..=3, "list.slice(start, end)";
    Reverse = "reverse", Method, 1..=1, "list.reverse()";
    First = "first", Method, 1..=1, "list.first()";
    Last = "last", Method, 1..=1, "list.last()";
    Sum = "sum", Either, 1..=1, "list.sum()";
    Min = "min", Either, 1..=16, "list.min()";
    Max = "max", Either, 1..=16, "list.max()";
    Enumerate = "enumerate", Method, 1..=1, "list.enumerate()";
    Range = "lists.range", Global, 1..=1, "lists.range(count)";
    Get = "get", Method, 2..=3, "map.get(key, default)";

    SetsContains = "sets.contains", Global, 2..=2, "sets.contains(list, part)";
    SetsEquivalent = "sets.equivalent", Global, 2..=2, "sets.equivalent(list, other)";
    SetsIntersects = "sets.intersects", Global, 2..=2, "sets.intersects(list, other)";

    Greatest = "math.greatest", Global, 1..=16, "math.greatest(a, b)";
    Least = "math.least", Global, 1..=16, "math.least(a, b)";
    Abs = "math.abs", Global, 1..=1, "math.abs(x)";
    Ceil = "math.ceil", Global, 1..=1, "math.ceil(x)";
    Floor = "math.floor", Global, 1..=1, "math.floor(x)";
    Round = "math.round", Global, 1..=2, "math.round(x, digits)";
    Trunc = "math.trunc", Global, 1..=1, "math.trunc(x)";
    Sign = "math.sign", Global, 1..=1, "math.sign(x)";
    Sqrt = "math.sqrt", Global, 1..=1, "math.sqrt(x)";
    Quot = "math.quot", Global, 2..=2, "math.quot(a, b)";
    IsNan = "math.isNaN", Global, 1..=1, "math.isNaN(x)";
    IsInf = "math.isInf", Global, 1..=1, "math.isInf(x)";
    IsFinite = "math.isFinite", Global, 1..=1, "math.isFinite(x)";
    BitAnd = "math.bitAnd", Global, 2..=2, "math.bitAnd(a, b)";
    BitOr = "math.bitOr", Global, 2..=2, "math.bitOr(a, b)";
    BitXor = "math.bitXor", Global, 2..=2, "math.bitXor(a, b)";
    BitNot = "math.bitNot", Global, 1..=1, "math.bitNot(a)";
    BitShiftLeft = "math.bitShiftLeft", Global, 2..=2, "math.bitShiftLeft(a, bits)";
    BitShiftRight = "math.bitShiftRight", Global, 2..=2, "math.bitShiftRight(a, bits)";

    Base64Encode = "base64.encode", Global, 1..=1, "base64.encode(bytes)";
    Base64Decode = "base64.decode", Global, 1..=1, "base64.decode(text)";
    JsonParse = "json.parse", Global, 1..=1, "json.parse(text)";
    JsonFormat = "json.format", Global, 1..=1, "json.format(value)";

    TimeParse = "time.parse", Global, 2..=3, "time.parse(text, \"%d.%m.%Y\", \"Europe/Berlin\")";
    TimeFormat = "time.format", Global, 2..=3, "time.format(timestamp, \"%Y-%m-%d\", \"Europe/Berlin\")";
    TimeAdd = "time.add", Global, 2..=3, "time.add(timestamp, 3, \"days\")";
    GetFullYear = "getFullYear", Method, 1..=2, "timestamp.getFullYear(zone)";
    GetMonth = "getMonth", Method, 1..=2, "timestamp.getMonth(zone)";
    GetDate = "getDate", Method, 1..=2, "timestamp.getDate(zone)";
    GetDayOfMonth = "getDayOfMonth", Method, 1..=2, "timestamp.getDayOfMonth(zone)";
    GetDayOfWeek = "getDayOfWeek", Method, 1..=2, "timestamp.getDayOfWeek(zone)";
    GetDayOfYear = "getDayOfYear", Method, 1..=2, "timestamp.getDayOfYear(zone)";
    GetHours = "getHours", Method, 1..=2, "timestamp.getHours(zone)";
    GetMinutes = "getMinutes", Method, 1..=2, "timestamp.getMinutes(zone)";
    GetSeconds = "getSeconds", Method, 1..=2, "timestamp.getSeconds(zone)";
    GetMilliseconds = "getMilliseconds", Method, 1..=2, "timestamp.getMilliseconds(zone)";
}

/// Words before a dot that are no variables but hold functions.
pub(super) const NAMESPACES: [&str; 9] = [
    "base64", "cel", "json", "lists", "math", "regex", "sets", "strings", "time",
];

/// What the compiler itself turns into nodes, with how it is called.
pub(super) const SPECIAL: [(&str, &str); 15] = [
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("existsOne", "list.existsOne(x, condition)"),
    ("map", "list.map(x, value)"),
    ("filter", "list.filter(x, condition)"),
    ("sortBy", "list.sortBy(x, key)"),
    ("has", "has(map.key)"),
    ("cel.bind", "cel.bind(name, value, expression)"),
    ("coalesce", "coalesce(a, b)"),
    ("succeeded", "succeeded(\"step\")"),
    ("failed", "failed(\"step\")"),
    ("skipped", "skipped(\"step\")"),
    ("settled", "settled()"),
    ("either", "either(\"a\", \"b\")"),
];

/// The function of that name that can be called in that form.
pub(super) fn find(name: &str, method: bool) -> Option<Function> {
    let fits = |form| form == Form::Either || (form == Form::Method) == method;
    Function::ALL
        .iter()
        .copied()
        .find(|function| function.name() == name && fits(function.form()))
}

/// How the function with the most similar name is called.
pub(super) fn similar(name: &str) -> Option<&'static str> {
    let known = Function::ALL
        .iter()
        .map(|function| (function.name(), function.usage()))
        .chain(SPECIAL);
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let (distance, usage) = known
        .map(|(candidate, usage)| {
            (
                strsim::damerau_levenshtein(&last(name), &last(candidate)),
                usage,
            )
        })
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 2.min(name.len() / 2)).then_some(usage)
}
