import Foundation

/// perf, attached to a server.
final class Recorder {
    private let process = Process()

    init(of pid: Int32, into file: String) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "setpriv", "--pdeathsig", "KILL", "perf", "record", "-q", "-F", "1999", "-p", "\(pid)",
            "-o", file,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func end() {
        process.interrupt()
        process.waitUntilExit()
    }
}

/// Measures once more, under perf, our subjects that take more CPU time than they should.
func profileMisses(in lab: Lab, _ report: inout Report) throws {
    let missed = report.suite.goals.filter { $0.metric == "cpu" && $0.isMissed(in: report) }
    var seen: Set<String> = []
    for goal in missed where seen.insert("\(goal.scenario), \(goal.subject)").inserted {
        guard let scenario = report.suite.scenarios.first(where: { $0.name == goal.scenario })
        else {
            continue
        }
        for name in [goal.subject, goal.peer].compactMap({ $0 }) {
            guard let subject = scenario.subjects.first(where: { $0.name == name }) else {
                continue
            }
            var recordingLab = lab
            let file = try lab.file("perf.data", "")
            recordingLab.recording = file
            _ = try scenario.measure(recordingLab, subject)
            report.profiles.append(("\(scenario.title): \(name)", try functions(in: file, lab)))
        }
    }
}

/// The functions that took most of the time, with the user's share of it.
private func functions(in file: String, _ lab: Lab) throws -> String {
    let output = try lab.run([
        "sh", "-c",
        """
        perf report -q --stdio --no-children -i '\(file)' -F overhead,dso,sym --percent-limit 0.2 \
          | swift demangle --compact --simplified
        """,
    ])
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
    let all = lines.compactMap { line -> (share: Double, object: String, function: String)? in
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count == 3, parts[0].hasSuffix("%"), let share = Double(parts[0].dropLast())
        else { return nil }
        let function = parts[2].replacingOccurrences(of: "|", with: "/")
            .trimmingCharacters(in: CharacterSet(charactersIn: " -"))
        return (share, String(parts[1]), String(function.prefix(90)))
    }
    let inUser = all.filter { $0.function.hasPrefix("[.]") }.reduce(0) { $0 + $1.share }
    let rows = all.prefix(15).map { [$0.function, $0.object, $0.share.brief] }
    let table = Table(["function ([k]: in the kernel)", "of", "%"], rows)
    return "\(inUser.brief) % in user mode.\n\n\(table.text)"
}
