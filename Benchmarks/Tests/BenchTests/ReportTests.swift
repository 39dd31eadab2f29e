import Foundation
import Testing

@testable import Bench

/// A report of one scenario in which "ours, epoll" takes `ours` and "C, epoll" takes `peer` µs per operation.
private func report(ours: [Double], peer: [Double]) -> Report {
    let subjects = ["ours, epoll", "C, epoll"]
    let scenario = Scenario(
        name: "echo-64B-64", title: "Echo", subjects: subjects.map { Subject($0) { _, _ in [] } },
        columns: ["cpu"]
    ) { _, _ in [] }
    var samples = Samples(subjects)
    for value in ours { samples.add([Measurement("cpu", value, "µs/op")], of: subjects[0]) }
    for value in peer { samples.add([Measurement("cpu", value, "µs/op")], of: subjects[1]) }
    var report = Report(.reactor, machine: "A machine", conditions: "Somehow.")
    report.add(scenario, samples, ["libuv": "it is not installed"])
    return report
}

@Suite struct ReportTests {
    @Test func theMedianIsTheMiddleWhateverTheOrder() {
        let figure = Figure([5, 1, 3])
        #expect((figure.median, figure.min, figure.max) == (3, 1, 5))
        #expect(Figure([4, 1, 2, 3]).median == 2.5)
    }

    @Test func theFileHasTheFormOfEveryBenchmarks() throws {
        let folder = NSTemporaryDirectory() + "bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try report(ours: [5, 4, 6], peer: [4]).write(to: folder)
        let data = try Data(contentsOf: URL(filePath: folder + "/reactor.json"))
        let list = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        #expect(list.count == 2)
        let keys: Set = ["scenario", "subject", "metric", "unit", "median", "min", "max", "runs"]
        #expect(list.allSatisfy { Set($0.keys) == keys })
        #expect(list[0]["subject"] as? String == "ours, epoll")
        #expect(list[0]["median"] as? Double == 5)
        #expect(list[0]["runs"] as? Int == 3)
    }

    @Test func aGoalIsMetUpToItsRatio() {
        let rows = Goal.reactor.compactMap { $0.row(in: report(ours: [4.6], peer: [4])) }
        #expect(
            rows == [["echo-64B-64: cpu of ours, epoll", "≤ 1.15 × C, epoll", "1.15 ×", "met"]])
    }

    @Test func aMissedGoalSaysByHowMuch() {
        let rows = Goal.reactor.compactMap { $0.row(in: report(ours: [9.2], peer: [4])) }
        #expect(rows.map { $0[3] } == ["missed by 100 %"])
    }

    @Test func whatWasNotMeasuredIsSaid() {
        #expect(report(ours: [1], peer: [1]).text.contains("libuv: it is not installed"))
    }

    @Test func thePlotShowsZeros() {
        let plot = Plot(report(ours: [0, 0], peer: [0])).svg
        #expect(!plot.contains("nan") && !plot.contains("inf"))
        #expect(plot.contains("width=\"0.0\""))
        #expect(plot.components(separatedBy: ">0</text>").count == 3)
    }

    @Test(arguments: [
        (0, "0"), (0.001, "0.00100"), (0.123, "0.12"), (12.34, "12.3"), (123.4, "123"),
        (1234, "1,234"), (1_234_567, "1,234,567"),
    ]) func numbersHaveThreeDigitsOrGroups(number: Double, text: String) {
        #expect(number.brief == text)
    }
}
