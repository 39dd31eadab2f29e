import Foundation

/// What is done to several subjects, taking turns.
struct Scenario {
    let name: String
    let title: String
    let subjects: [Subject]
    /// What the table shows, of all that is measured.
    let columns: [String]
    /// How many descriptors a process must be allowed.
    var descriptors = 0
    /// How many runs are enough, where each takes long.
    var runsMax = Int.max
    let measure: (Lab, Subject) throws -> [Measurement]

    static var reactor: [Scenario] {
        echoes + http + [fanOut] + idle + allocations + [wakeUp, timers]
    }

    /// Every subject once, then every subject again, and so on; each round begins with another one, so that
    /// none always follows the same.
    func run(in lab: Lab, into report: inout Report) throws {
        let wanted = lab.options.subjects
        let subjects = subjects.filter { wanted.isEmpty || wanted.contains($0.name) }
        var samples = Samples(subjects.map(\.name))
        var obstacles: [String: String] = [:]
        if let obstacle = lab.obstacle(to: descriptors) {
            progress("\(name) is left out: \(obstacle)")
            return report.add(self, samples, ["all": obstacle])
        }
        let runs = min(runsMax, lab.options.runs)
        for round in 0..<runs {
            for offset in subjects.indices {
                let subject = subjects[(round + offset) % subjects.count]
                guard obstacles[subject.name] == nil else { continue }
                progress("\(name), round \(round + 1) of \(runs): \(subject.name)")
                do {
                    samples.add(try measure(lab, subject), of: subject.name)
                } catch {
                    obstacles[subject.name] = "\(error)"
                    progress("\(name): \(subject.name) is left out: \(error)")
                }
            }
        }
        report.add(self, samples, obstacles)
    }

    private func progress(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}

/// What the runs of one scenario have measured.
struct Samples {
    let subjects: [String]
    private(set) var metrics: [(name: String, unit: String)] = []
    private var values: [String: [String: [Double]]] = [:]

    init(_ subjects: [String]) { self.subjects = subjects }

    mutating func add(_ measurements: [Measurement], of subject: String) {
        for measurement in measurements {
            if !metrics.contains(where: { $0.name == measurement.metric }) {
                metrics.append((measurement.metric, measurement.unit))
            }
            values[subject, default: [:]][measurement.metric, default: []].append(measurement.value)
        }
    }

    func figure(_ metric: String, of subject: String) -> Figure? {
        guard let values = values[subject]?[metric], !values.isEmpty else { return nil }
        return Figure(values)
    }
}

/// A median with the extremes.
struct Figure {
    let median: Double
    let min: Double
    let max: Double
    let runs: Int

    init(_ values: [Double]) {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        min = sorted[0]
        max = sorted[sorted.count - 1]
        runs = sorted.count
    }
}
