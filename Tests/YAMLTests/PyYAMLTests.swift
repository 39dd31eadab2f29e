import Glibc
import Testing

@testable import YAML

/// Prints every line of a file as PyYAML resolves it, in the notation of `notation(_:)`.
private let program = #"""
    import sys, yaml, math
    def note(v):
        if v is None: return "null"
        if isinstance(v, bool): return "bool " + str(v).lower()
        if isinstance(v, int): return "int %d" % v
        if isinstance(v, float): return "float " + ("nan" if math.isnan(v) else repr(v))
        return "str " + str(v)
    for line in open(sys.argv[1]):
        line = line.rstrip("\n")
        print(note(yaml.safe_load("[" + line + "]")[0]))
    """#

private func run(_ command: String) -> [String]? {
    guard let pipe = popen(command, "r") else { return nil }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&chunk, 1, chunk.count, pipe)
        if count == 0 { break }
        output.append(contentsOf: chunk[..<count])
    }
    guard pclose(pipe) == 0 else { return nil }
    return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
}

private let hasPyYAML = system("python3 -c 'import yaml' 2>/dev/null") == 0

@Suite(.enabled(if: hasPyYAML, "needs Python with PyYAML"))
struct PyYAMLTests {
    @Test func numbersResolveAsInPyYAML() throws {
        var random = SeededGenerator(seed: 21)
        let alphabet = Array("0123456789.:_+-exobaf17")
        var texts: Set<String> = []
        while texts.count < 4000 {
            let drawn = String(
                (0..<Int.random(in: 1..<8, using: &random)).compactMap { _ in
                    alphabet.randomElement(using: &random)
                })
            // Indicators of structure and digits that are none ("0b_", "0x_") are not the point.
            let isPlain =
                !drawn.hasSuffix(":") && !drawn.hasPrefix(":") && !drawn.hasSuffix("_")
                && !drawn.contains("b_") && !drawn.contains("x_") && drawn != "-"
            if isPlain { texts.insert(drawn) }
        }
        let list = texts.sorted()
        var path = Array("/tmp/beamline-yaml-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        try #require(descriptor >= 0)
        let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(name) }
        let text = Array(list.joined(separator: "\n").utf8)
        try #require(write(descriptor, text, text.count) == text.count)
        close(descriptor)
        let answers = try #require(run("python3 -c '\(program)' \(name)"))
        try #require(answers.count == list.count)
        for (text, answer) in zip(list, answers) {
            #expect(comparable(notation(resolvePlain(text))) == comparable(answer), "\(text)")
        }
    }

    /// Swift and Python write the exponent of a number differently.
    private func comparable(_ answer: String) -> String {
        guard answer.hasPrefix("float "), let number = Double(answer.dropFirst(6)) else {
            return answer
        }
        return "float \(number)"
    }
}
