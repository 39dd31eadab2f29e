import Testing

@testable import YAML

@Suite struct DocumentTests {
    @Test func positionsAreThoseOfTheFile() throws {
        let root = try Document(parsing: "a: 1\nb:\n  - x\n  -   y\n", file: "f.yaml").root
        let second = try #require(root["b"]?.sequence?[1])
        #expect(second.position == SourcePosition(file: "f.yaml", line: 4, column: 7))
        #expect(root.mapping?.entry("b")?.key.position.line == 2)
        #expect("\(second.position)" == "f.yaml:4")
    }

    @Test(arguments: [
        ("", "null"), ("# only a comment\n", "null"), ("---\n...\n", "null"),
        ("{a: [1, {b: c}], d: }", "{str a: [int 1, {str b: str c}], str d: null}"),
        ("yes: 1\n2: 3\n", "{bool true: int 1, int 2: int 3}"),
        ("a: &x [1, 2]\nb: *x\n", "{str a: [int 1, int 2], str b: [int 1, int 2]}"),
        (
            "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n",
            "{str a: {str p: int 1, str q: int 2}, str b: {str p: int 1, str q: int 3}}"
        ),
        ("b:\n  q: 3\n  <<: {p: 1, q: 2}\n", "{str b: {str p: int 1, str q: int 3}}"),
        ("<<: [{a: 1}, {a: 2, b: 3}]\n", "{str a: int 1, str b: int 3}"),
        ("'<<': 1\n", "{str <<: int 1}"),
        ("%YAML 1.1\n---\na: 1\n", "{str a: int 1}"),
        ("\u{feff}a: 1\n", "{str a: int 1}"),
    ])
    func treeIsAsWritten(source: String, expected: String) throws {
        #expect(notation(try Document(parsing: source, file: "t").root.content) == expected)
    }

    @Test func lastOfTwoEqualKeysWinsAndIsReported() throws {
        let document = try Document(parsing: "a: 1\nb: 2\na: 3\n", file: "f")
        #expect(document.root["a"]?.integer == 3)
        #expect(
            document.duplicateKeys.map(\.description)
                == ["f:3: a: is given twice, the one of line 1 is not used"])
    }

    @Test(arguments: [
        ("a: b: c\n", 1), ("a: [1, 2\n", 2), ("a: 1\n  b: 2\n", 2), ("a: \"x\n", 2),
        ("a: *none\n", 1),
        ("a: 1\n---\nb: 2\n", 2), ("\ta: 1\n", 1), ("a: !!python/object:os.system x\n", 1),
        ("a: !thing x\n", 1), ("ok: 1\n? [1, 2]\n: 3\n", 2), ("<<: 5\n", 1), ("a: !!int x\n", 1),
        ("a: &x [*x]\n", 1), ("a: !!seq {b: c}\n", 1), ("a: @x\n", 1), ("x: 1\n%\n", 2),
    ])
    func mistakesAreReportedWithTheirLine(source: String, line: Int) throws {
        let error = #expect(throws: LoadError.self) { try Document(parsing: source, file: "f") }
        #expect(error?.position.line == line, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix("f:\(line): ") == true)
    }

    @Test func bytesThatAreNotTextAreReportedWithTheirLine() throws {
        let bytes = Array("a: 1\nb: ".utf8) + [0xff, 0xfe, 0x0a]
        let error = #expect(throws: LoadError.self) { try Document(parsing: bytes, file: "f") }
        #expect(error?.position.line == 2)
    }

    @Test func missingFileIsNamed() {
        let error = #expect(throws: LoadError.self) {
            try Document(contentsOf: "/nonexistent/homeserver.yaml")
        }
        #expect(
            error?.description
                == "/nonexistent/homeserver.yaml: cannot be read: No such file or directory")
    }
}

@Suite struct LimitTests {
    @Test func aliasBombIsRefused() throws {
        var source = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            source += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let error = #expect(throws: LoadError.self) { try Document(parsing: source, file: "f") }
        #expect(error?.description == "f:6: has more than 200000 values")
    }

    @Test func mergeBombIsRefused() throws {
        var source = "a0: &a0 {k0: 1, k1: 1, k2: 1, k3: 1}\n"
        for level in 1..<40 {
            source += "a\(level): &a\(level) {n\(level): 1, <<: [*a\(level - 1), *a\(level - 1)]}\n"
        }
        let limits = LoadLimits(nodesMax: 2000)
        let error = #expect(throws: LoadError.self) {
            try Document(parsing: source, file: "f", limits: limits)
        }
        #expect(error?.problem == "has more than 2000 values")
    }

    @Test func deepNestingIsRefused() throws {
        for open in ["[", "{a: ", "- ", "? "] {
            let source = String(repeating: open, count: 5000)
            let error = #expect(throws: LoadError.self) { try Document(parsing: source, file: "f") }
            #expect(error?.position.line == 1)
        }
    }

    @Test func largeTextIsRefused() throws {
        let limits = LoadLimits(bytesMax: 10)
        #expect(throws: LoadError.self) {
            try Document(parsing: "abcdefghijk", file: "f", limits: limits)
        }
        #expect(throws: Never.self) {
            try Document(parsing: "abcdefghij", file: "f", limits: limits)
        }
    }
}

@Suite struct HostileTextTests {
    private static let sample = """
        server_name: &name "exa\\x6dple.org" # comment
        listeners:
          - {port: 8008, bind_addresses: ['::', 127.0.0.1], <<: {a: *name}}
          - !!map
            ? resources
            : [1, 2.5, ~, 0x1F, 1:30]
        text: |+2
            indented

          less
        folded: >-
          one
          two
        ...
        """

    @Test func everyPrefixEitherParsesOrFailsWithAPlace() {
        let bytes = Array(Self.sample.utf8)
        for end in 0...bytes.count { parse(Array(bytes[..<end])) }
    }

    @Test func damagedTextEitherParsesOrFailsWithAPlace() {
        var random = SeededGenerator(seed: 4)
        let bytes = Array(Self.sample.utf8)
        for _ in 0..<4000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged[place] = UInt8.random(in: 0...255, using: &random)
                case 1: damaged.remove(at: place)
                default:
                    damaged.insert(
                        Array("[]{}:-?&*!|>'\"%\n \t".utf8).randomElement(
                            using: &random) ?? 0, at: place)
                }
            }
            parse(damaged)
        }
    }

    @Test func noiseEitherParsesOrFailsWithAPlace() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<2000 {
            parse(
                (0..<Int.random(in: 0..<80, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                })
        }
    }

    private func parse(_ bytes: [UInt8]) {
        do {
            _ = try Document(parsing: bytes, file: "f")
        } catch {
            #expect(error.position.line >= 1)
            #expect(!error.problem.isEmpty)
        }
    }
}
