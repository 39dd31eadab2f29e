import Testing

@testable import Observability

@Suite struct MetricsTests {
    private func text(_ registry: MetricsRegistry) -> String {
        String(decoding: registry.exposition(), as: UTF8.self)
    }

    @Test func expositionIsPrometheusText() {
        let registry = MetricsRegistry()
        registry.counter("b_total", "Sum.\nOf \\ all.").increment(by: 3)
        registry.gauge("a", "Level.").set(-1.5)
        let family = registry.counters("c_total", "Labelled.", labels: ["name", "kind"])
        family.labelled("x\"y\\z\n", "k").increment()
        family.labelled("a", "k").increment(by: 0.25)
        registry.gauge("d", "Worked out.") { 7 }
        registry.gauge("e", "Left out.") { nil }
        #expect(
            text(registry) == """
                # HELP a Level.
                # TYPE a gauge
                a -1.5
                # HELP b_total Sum.\\nOf \\\\ all.
                # TYPE b_total counter
                b_total 3
                # HELP c_total Labelled.
                # TYPE c_total counter
                c_total{name="a",kind="k"} 0.25
                c_total{name="x\\"y\\\\z\\n",kind="k"} 1
                # HELP d Worked out.
                # TYPE d gauge
                d 7

                """)
    }

    @Test func histogramCountsUpToEachBound() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("t_seconds", "Time.", bounds: [1, 0.1, .infinity])
        for value in [0.05, 0.1, 0.5, 1, 2, .nan] { histogram.observe(value) }
        histogram.observe(Duration.milliseconds(1500))
        #expect(
            text(registry) == """
                # HELP t_seconds Time.
                # TYPE t_seconds histogram
                t_seconds_bucket{le="0.1"} 2
                t_seconds_bucket{le="1"} 4
                t_seconds_bucket{le="+Inf"} 6
                t_seconds_sum 5.15
                t_seconds_count 6

                """)
        #expect(histogram.count == 6)
    }

    @Test func countersOnlyGrow() {
        let counter = MetricsRegistry().counter("x", "X.")
        counter.increment(by: 2)
        counter.increment(by: -1.0)
        counter.increment(by: .nan)
        #expect(counter.value == 2)
    }

    @Test func oneNameIsOneMetric() {
        let registry = MetricsRegistry()
        registry.counter("x", "X.").increment()
        registry.counter("x", "X again.").increment()
        #expect(registry.counter("x", "X.").value == 2)
    }

    @Test func labelsFromOutsideCannotFillTheMemory() {
        let family = MetricsRegistry().counters("x", "X.", labels: ["path"])
        for number in 0..<5000 { family.labelled("/\(number)").increment() }
        #expect(family.all.count == MetricFamily<Counter>.seriesMax + 1)
        #expect(family.labelled("other").value == 3000)
        family.remove("/7")
        #expect(family.all.count == MetricFamily<Counter>.seriesMax)
    }

    @Test func threadsLoseNoIncrement() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("x", "X.")
        let histogram = registry.histogram("h", "H.")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.increment()
                        histogram.observe(0.5)
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(histogram.count == 40_000 && histogram.sum == 20_000)
    }

    @Test func processTellsAboutItself() throws {
        let registry = MetricsRegistry()
        registry.addProcessMetrics()
        let values = Dictionary(
            text(registry).split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
                let parts = line.split(separator: " ")
                return (String(parts[0]), Double(parts[1]) ?? .nan)
            }, uniquingKeysWith: { $1 })
        #expect(try #require(values["process_cpu_seconds_total"]) > 0)
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_048_576)
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["process_max_fds"]) >= 3)
        #expect(try #require(values["process_start_time_seconds"]) > 1.5e9)
    }

    @Test func numbersAreWrittenAsPrometheusReadsThem() {
        let cases: [(Double, String)] = [
            (0, "0"), (-0.0, "0"), (1e15, "1000000000000000"), (1e21, "1e+21"), (.infinity, "+Inf"),
            (-.infinity, "-Inf"), (.nan, "NaN"), (0.005, "0.005"),
        ]
        for (number, expected) in cases { #expect(ExpositionText.number(number) == expected) }
    }
}
