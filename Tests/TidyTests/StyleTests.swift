import Testing

@Suite("Style")
struct StyleTests {
    @Test("files stay small enough to hold in the head", arguments: Tree.sources + Tree.shims)
    func size(file: Tree.File) {
        #expect(file.lines.count <= 600, "\(file.path) has \(file.lines.count) lines")
    }

    @Test("what a reader must trust has its proof beside it", arguments: Tree.sources)
    func proofs(file: Tree.File) {
        for (index, line) in file.lines.enumerated() {
            let unsafe = ["@unchecked Sendable", "nonisolated(unsafe)"].first(where: line.contains)
            guard let unsafe, !line.trimmed.hasPrefix("//") else { continue }
            let above = file.lines[max(0, index - 6)..<index]
            #expect(
                above.contains { $0.trimmed.hasPrefix("//") },
                "\(file.path):\(index + 1): \(unsafe) without a comment that proves it safe")
        }
    }

    @Test(
        "tasks start only through the loop",
        arguments: Tree.sources.filter { !$0.path.hasPrefix("Sources/Reactor/Async/") })
    func tasks(file: Tree.File) {
        let banned = ["Task {", "Task.detached", "Task.sleep", "DispatchQueue", "AsyncStream"]
        check(file, against: banned)
    }

    @Test("the outside world never ends the process", arguments: Tree.sources)
    func traps(file: Tree.File) { check(file, against: ["fatalError(", "try!", "as!"]) }

    private func check(_ file: Tree.File, against banned: [String]) {
        for (index, line) in file.lines.enumerated() where !line.trimmed.hasPrefix("//") {
            for word in banned {
                #expect(!line.contains(word), "\(file.path):\(index + 1): \(word)")
            }
        }
    }

    @Test("no test waits by the clock alone", arguments: Tree.tests)
    func sleeps(file: Tree.File) {
        guard !file.path.hasPrefix("Tests/TidyTests/") else { return }
        check(file, against: ["Task.sleep", "usleep("])
    }
}

extension String {
    var trimmed: Substring { drop { $0 == " " || $0 == "\t" } }
}
