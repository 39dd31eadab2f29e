// Measures the product beside its peers on one machine: `make bench-reactor`. See Options for what may be asked.

import Foundation

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    if options.help {
        print(Options.usage)
        exit(0)
    }
    let lab = try Lab(options)
    let scenarios = Scenario.all.filter { scenario in
        options.only.isEmpty || options.only.contains { scenario.name.hasPrefix($0) }
    }
    guard !scenarios.isEmpty else { throw Problem("no scenario has a name like \(options.only)") }
    var report = Report(machine: Machine.describe(lab), conditions: lab.conditions)
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
    print("Written: \(options.output)/reactor.json, reactor.md, reactor.svg")
} catch {
    FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
    exit(1)
}
