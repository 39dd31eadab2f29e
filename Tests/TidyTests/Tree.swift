import Foundation
import Testing

/// The source tree as the tests read it.
enum Tree {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct File: Sendable, CustomTestStringConvertible {
        /// Relative to the root, such as `Sources/Reactor/Loop/EventLoop.swift`.
        let path: String
        let lines: [String]

        var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
        var testDescription: String { path }
    }

    static let sources = files(under: "Sources", endings: ["swift"])
    static let tests = files(under: "Tests", endings: ["swift"])
    static let shims = files(under: "CShims", endings: ["c", "h"])
    static let benchmarks = files(under: "Benchmarks", endings: ["swift", "c", "h"])

    /// What the reactor's catalog tells besides its overview.
    static let articles = files(under: "Sources/Reactor/Reactor.docc", endings: ["md"])
        .filter { !$0.path.hasSuffix("/Reactor.md") }

    private static func files(under folder: String, endings: Set<String>) -> [File] {
        let base = root.appending(path: folder)
        guard let paths = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return paths.compactMap { entry in
            guard let entry = entry as? String, !entry.contains(".build"),
                let ending = entry.split(separator: ".").last, endings.contains(String(ending)),
                let text = try? String(contentsOf: base.appending(path: entry), encoding: .utf8)
            else { return nil }
            return File(
                path: "\(folder)/\(entry)",
                lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(
                    String.init)
            )
        }.sorted { $0.path < $1.path }
    }
}

extension Tree.File {
    /// The modules that the file imports, with their line numbers.
    var imports: [(module: String, line: Int)] {
        lines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ").map(String.init)
            guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
                words[..<position].allSatisfy({
                    ["public", "internal", "package", "private", "fileprivate"].contains($0)
                        || $0.hasPrefix("@")
                })
            else { return nil }
            // `import struct Foundation.Data` names the kind first.
            let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "typealias"]
            let name = kinds.contains(words[position + 1]) ? words.last ?? "" : words[position + 1]
            return (name.split(separator: ".").first.map(String.init) ?? name, index + 1)
        }
    }
}
