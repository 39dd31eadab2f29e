import Testing

@testable import YAML

/// One plain scalar and what YAML 1.1 makes of it, in the notation of `notation(_:)`.
private let expectations: [(String, String)] = [
    ("", "null"), ("~", "null"), ("null", "null"), ("Null", "null"), ("nUll", "str nUll"),
    ("True", "bool true"), ("yes", "bool true"), ("on", "bool true"), ("ON", "bool true"),
    ("off", "bool false"), ("No", "bool false"), ("n", "str n"), ("y", "str y"),
    ("0", "int 0"), ("-0", "int 0"), ("8008", "int 8008"), ("+5", "int 5"), ("-12", "int -12"),
    ("1_000", "int 1000"), ("0o17", "str 0o17"), ("017", "int 15"), ("08", "str 08"),
    ("0x1F", "int 31"), ("-0x1f", "int -31"), ("0b101", "int 5"), ("0xZ", "str 0xZ"),
    ("1:30", "int 90"), ("190:20:30", "int 685230"), ("1:60", "str 1:60"), ("0:30", "str 0:30"),
    ("1.5", "float 1.5"), ("1.", "float 1.0"), (".5", "float 0.5"), ("-1.5", "float -1.5"),
    ("1e3", "str 1e3"), ("1.0e3", "str 1.0e3"), ("1.0e+3", "float 1000.0"), ("1.5.2", "str 1.5.2"),
    (".", "str ."), ("-", "str -"), ("+", "str +"), ("-.5", "str -.5"), ("1_0.2_5", "float 10.25"),
    (".inf", "float inf"), ("-.INF", "float -inf"), ("10M", "str 10M"),
    ("127.0.0.1", "str 127.0.0.1"),
    ("1:30.5", "float 90.5"), ("<<", "str <<"), ("localhost:8008", "str localhost:8008"),
    ("9223372036854775807", "int 9223372036854775807"), ("2017-04-01", "str 2017-04-01"),
]

/// A content as one word for its type and its value.
func notation(_ content: Node.Content) -> String {
    switch content {
    case .null: "null"
    case .bool(let value): "bool \(value)"
    case .integer(let value): "int \(value)"
    case .float(let value): "float \(value)"
    case .string(let value): "str \(value)"
    case .sequence(let elements):
        "[" + elements.map { notation($0.content) }.joined(separator: ", ") + "]"
    case .mapping(let mapping):
        "{"
            + mapping.entries.map { "\(notation($0.key.content)): \(notation($0.value.content))" }
            .sorted().joined(separator: ", ") + "}"
    }
}

@Suite struct ScalarTests {
    @Test(arguments: expectations)
    func plainScalarMeansWhatYAML11Says(text: String, expected: String) {
        #expect(notation(resolvePlain(text)) == expected)
    }

    @Test func quotedAndBlockScalarsStayText() throws {
        let source =
            "a: 'yes'\nb: \"1\"\nc: |\n  12\n  13\nd: >-\n  one\n  two\ne: !!str 5\nf: ! 6\n"
        let document = try Document(parsing: source, file: "t")
        #expect(
            notation(document.root.content)
                == "{str a: str yes, str b: str 1, str c: str 12\n13\n, str d: str one two, "
                + "str e: str 5, str f: str 6}")
    }

    @Test func numbersBeyond64BitsBecomeFloating() {
        #expect(notation(resolvePlain("9223372036854775808")) == "float 9.223372036854776e+18")
    }

    @Test func writtenScalarsReadBackAsTheSameText() throws {
        var random = SeededGenerator(seed: 11)
        let fixed = [
            "", " ", "yes", "1", "1.5", "a: b", "# no", "a #b", "'", "\"", "\\", "\u{0}", "\u{7f}",
            "\u{85}", "\u{2028}", "\u{feff}x", "línea", "🦆", "- x", "*a", "&a", "!a", "%a", "@a",
            "2017-04-01", "<<", "=", "/home/a b/c.pid", "/run/x.pid", "a\nb\r\n\tc",
        ]
        let alphabet = Array("ab:#-'\"\\ \n\t{}[],&*!|>%@`?0é🦆\u{1}")
        let drawn = (0..<500).map { _ in
            String(
                (0..<Int.random(in: 0..<12, using: &random)).compactMap { _ in
                    alphabet.randomElement(using: &random)
                })
        }
        for text in fixed + drawn {
            let source = "key: \(scalar(text))\n\(quotedScalar(text)): 1\n"
            let root = try Document(parsing: source, file: "t").root
            #expect(root["key"]?.string == text)
            if text != "key" { #expect(root[text]?.integer == 1) }
        }
    }
}

/// A small seeded generator (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
