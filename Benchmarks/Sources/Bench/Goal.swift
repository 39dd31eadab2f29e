import Foundation

/// A ratio that one subject is to keep to another in the same run, or a bound of its own.
struct Goal {
    enum Bound {
        /// At most so many times the other subject's figure.
        case times(Double, String)
        /// More than the other subject's figure.
        case above(String)
        /// At most so many times the subject's own figure in another scenario.
        case timesIn(Double, String)
        /// At most so much.
        case most(Double)
        /// At least so much.
        case least(Double)
    }

    let scenario: String
    let metric: String
    let subject: String
    let bound: Bound

    /// Whom it is measured against.
    var peer: String? {
        switch bound {
        case .times(_, let peer), .above(let peer): peer
        case .timesIn, .most, .least: nil
        }
    }

    static var reactor: [Goal] { echoGoals + httpGoals + fanOutGoals + idleGoals + allocationGoals }

    private static var httpGoals: [Goal] {
        ["http-keepalive", "http-pipelined"].flatMap { scenario in
            againstC(scenario, 1.15) + against("SwiftNIO", scenario, 0.6)
                + ["rate", "per core"].flatMap { metric in
                    ours {
                        Goal(
                            scenario: scenario, metric: metric, subject: $0, bound: .above("nginx"))
                    }
                }
        }
    }

    private static var fanOutGoals: [Goal] {
        againstC("fanout-10000", 1.15) + against("SwiftNIO", "fanout-10000", 0.8)
    }

    private static var idleGoals: [Goal] {
        [10_000, 100_000].flatMap { count in
            ["echo", "http"].flatMap { role in
                ours {
                    Goal(
                        scenario: "idle-\(role)-\(count)", metric: "user memory", subject: $0,
                        bound: .most(600))
                }
            }
        }
    }

    private static var allocationGoals: [Goal] {
        ["echo", "http"].flatMap { role in
            ours {
                Goal(
                    scenario: "allocations-\(role)", metric: "allocations", subject: $0,
                    bound: .most(0))
            }
        }
    }

    private static func ours(_ goal: (String) -> Goal) -> [Goal] {
        ["ours, epoll", "ours, io_uring"].map(goal)
    }

    private static var echoGoals: [Goal] {
        ["64B", "1KiB"].flatMap { size in
            [1, 64, 1000].flatMap { connections -> [Goal] in
                let scenario = "echo-\(size)-\(connections)"
                var goals = againstC(scenario, 1.15)
                if connections > 1 {
                    goals += against("SwiftNIO", scenario, connections == 64 ? 0.85 : 0.65)
                }
                return goals
            }
        }
    }

    /// Each backend beside the C program of the same one.
    private static func againstC(_ scenario: String, _ ratio: Double) -> [Goal] {
        ["epoll", "io_uring"].map {
            Goal(
                scenario: scenario, metric: "cpu", subject: "ours, \($0)",
                bound: .times(ratio, "C, \($0)"))
        }
    }

    private static func against(_ peer: String, _ scenario: String, _ ratio: Double) -> [Goal] {
        ours {
            Goal(scenario: scenario, metric: "cpu", subject: $0, bound: .times(ratio, peer))
        }
    }

    /// What was found, and by what part of the bound it misses; 0 or less if it is met. `nil` where it was not
    /// measured.
    private func outcome(in report: Report) -> (wanted: String, found: String, excess: Double)? {
        guard let own = report.figure(scenario, metric, subject)?.median else { return nil }
        func other(_ peer: String) -> Double? {
            report.figure(scenario, metric, peer)?.median
        }
        switch bound {
        case .times(let limit, let peer):
            guard let other = other(peer) else { return nil }
            let ratio = own / other
            return ("≤ \(limit.brief) × \(peer)", "\(ratio.brief) ×", ratio / limit - 1)
        case .above(let peer):
            guard let other = other(peer) else { return nil }
            return ("> \(peer)", "\((own / other).brief) ×", other / own - 1)
        case .timesIn(let limit, let scenario):
            guard let other = report.figure(scenario, metric, subject)?.median else { return nil }
            let ratio = own / other
            return ("≤ \(limit.brief) × \(scenario)", "\(ratio.brief) ×", ratio / limit - 1)
        case .most(let limit):
            return ("≤ \(limit.brief)", own.brief, limit > 0 ? own / limit - 1 : own)
        case .least(let limit): return ("≥ \(limit.brief)", own.brief, limit / own - 1)
        }
    }

    /// Whether it was measured and is not met.
    func isMissed(in report: Report) -> Bool { (outcome(in: report)?.excess ?? 0) > 0 }

    /// What the table says of it; `nil` where it was not measured.
    func row(in report: Report) -> [String]? {
        guard let (wanted, found, excess) = outcome(in: report) else { return nil }
        // Of none there is no percentage.
        let percent = excess < 0.005 ? "" : " by \(String(format: "%.0f", excess * 100)) %"
        let verdict = excess <= 0 ? "met" : "missed" + percent
        return ["\(scenario): \(metric) of \(subject)", wanted, found, verdict]
    }
}
