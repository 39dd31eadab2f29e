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
    let missed = Goal.all.filter { $0.metric == "cpu" && $0.isMissed(in: report) }
    var seen: Set<String> = []
    for goal in missed where seen.insert("\(goal.scenario), \(goal.subject)").inserted {
        guard let scenario = Scenario.all.first(where: { $0.name == goal.scenario }) else {
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
        "perf", "report", "-q", "--stdio", "--no-children", "-i", file, "--sort", "dso,symbol",
        "--percent-limit", "0.2",
    ])
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
    let rows = lines.prefix(25).compactMap { line -> [String]? in
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count == 3, parts[0].hasSuffix("%") else { return nil }
        let symbol = parts[2].trimmingCharacters(in: .whitespaces)
        return [
            symbol.replacingOccurrences(of: "|", with: "\\|"), String(parts[1]), String(parts[0]),
        ]
    }
    let inUser = lines.reduce(0.0) { sum, line in
        guard line.contains("[.]"), let share = line.split(separator: "%").first else { return sum }
        return sum + (Double(share.trimmingCharacters(in: .whitespaces)) ?? 0)
    }
    return "\(inUser.brief) % in user mode.\n\n" + Table(["function", "of", "share"], rows).text
}
