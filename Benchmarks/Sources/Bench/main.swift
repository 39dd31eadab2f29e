// Measures the product beside its peers on one machine: `make bench-reactor`, `make bench-replication`. See Options for what may be asked.

import Foundation

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    if options.help {
        print(Options.usage)
        exit(0)
    }
    let lab = try Lab(options)
    let suite = options.suite
    let scenarios = suite.scenarios.filter { scenario in
        options.only.isEmpty || options.only.contains { scenario.name.hasPrefix($0) }
    }
    guard !scenarios.isEmpty else { throw Problem("no scenario has a name like \(options.only)") }
    var report = Report(
        suite, machine: Machine.describe(lab, suite),
        conditions: [lab.conditions, suite.remarks].filter { !$0.isEmpty }.joined(separator: "\n\n")
    )
    for scenario in scenarios {
        try scenario.run(in: lab, into: &report)
        // A run of many minutes that is interrupted leaves what it has.
        try report.write(to: options.output)
    }
    if options.profile {
        try profileMisses(in: lab, &report)
        try report.write(to: options.output)
    }
    print(report.text)
    print("Written: \(options.output)/\(suite.name).json, .md, .svg")
} catch {
    FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
    exit(1)
}
