import Foundation

/// Everything that was measured, as a table, a plot and JSON.
struct Report {
    struct Section {
        let scenario: Scenario
        let samples: Samples
        /// Why a subject could not be measured.
        let obstacles: [String: String]
    }

    /// One figure, in the form that all benchmarks of this project write.
    struct Entry: Codable, Equatable {
        let scenario: String
        let subject: String
        let metric: String
        let unit: String
        let median: Double
        let min: Double
        let max: Double
        let runs: Int
    }

    let suite: Suite
    let machine: String
    let conditions: String
    private(set) var sections: [Section] = []
    /// Where the time goes in what misses a goal.
    var profiles: [(title: String, text: String)] = []

    init(_ suite: Suite, machine: String, conditions: String) {
        self.suite = suite
        self.machine = machine
        self.conditions = conditions
    }

    mutating func add(_ scenario: Scenario, _ samples: Samples, _ obstacles: [String: String]) {
        sections.append(Section(scenario: scenario, samples: samples, obstacles: obstacles))
    }

    func figure(_ scenario: String, _ metric: String, _ subject: String) -> Figure? {
        sections.first { $0.scenario.name == scenario }?.samples.figure(metric, of: subject)
    }

    var entries: [Entry] {
        sections.flatMap { section in
            section.samples.subjects.flatMap { subject in
                section.samples.metrics.compactMap { metric, unit in
                    section.samples.figure(metric, of: subject).map {
                        Entry(
                            scenario: section.scenario.name, subject: subject, metric: metric,
                            unit: unit, median: $0.median, min: $0.min, max: $0.max, runs: $0.runs)
                    }
                }
            }
        }
    }

    func write(to directory: String) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(entries).write(to: URL(filePath: "\(directory)/\(suite.name).json"))
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(suite.name).md"))
        try Data(Plot(self).svg.utf8).write(to: URL(filePath: "\(directory)/\(suite.name).svg"))
    }
}
