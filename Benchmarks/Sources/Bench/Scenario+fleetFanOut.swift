import Foundation

/// Our synchrotron at scale, on each backend, beside the least that a program in C needs for as many answers.
extension Scenario {
    private static let crowds: [(rooms: Int, members: Int, messages: Int)] = [
        (1, 50, 200), (1, 200, 100), (1, 500, 60), (1, 5_000, 15), (10, 20, 60), (25, 20, 40),
        (500, 20, 8),
    ]
    private static let backends = ["epoll", "io_uring"]

    static var fleetFanOut: [Scenario] {
        let fleet = SharedFleet()
        let waves = crowds.map { rooms, members, messages in
            lockstep(fleet, rooms, members, messages)
        }
        return waves + [
            scenario("open-10x20", "Ten messages a second over 10 rooms of 20", fleet) { lab in
                [
                    "open", "--rooms", "10", "--members", "20", "--rate", "10", "--seconds",
                    "\(max(5, lab.options.seconds * 3))",
                ]
            },
            scenario("open-500", "Ten messages a second to one room of 500", fleet) { lab in
                [
                    "open", "--rooms", "1", "--members", "500", "--rate", "10", "--seconds",
                    "\(max(5, lab.options.seconds * 3))",
                ]
            },
        ] + parked(fleet) + [two(fleet)]
    }

    private static func lockstep(
        _ fleet: SharedFleet, _ rooms: Int, _ members: Int, _ messages: Int
    ) -> Scenario {
        let load = [
            "lockstep", "--rooms", "\(rooms)", "--members", "\(members)", "--messages",
            "\(messages)", "--warm-up", "3",
        ]
        // Beside one room, where a wave is of one answer to each.
        let peers: [Subject] =
            rooms > 1 ? [] : [.peer("C, epoll", "HTTPEpoll"), .peer("C, io_uring", "HTTPUring")]
        return Scenario(
            name: crowdName(rooms, members), title: "Lockstep, \(crowdTitle(rooms, members))",
            subjects: ours + peers, columns: ["worker cpu", "answers alone"] + waveColumns,
            descriptors: members + 100
        ) { lab, subject in
            if subject.name.hasPrefix("C") {
                return try floor(lab, subject, members, waves: max(4, messages / 4))
            }
            return try fleet.load(lab, [backend(of: subject)], load)
        }
    }

    /// What the same number of answers costs a program that does nothing else.
    private static func floor(
        _ lab: Lab, _ subject: Subject, _ clients: Int, waves: Int
    ) throws -> [Measurement] {
        try lab.serving(subject) { server in
            let output = try lab.load([
                lab.peer("FanOutLoad"), "\(server.port)", "\(clients)", "\(answerBytes)",
                "\(waves)", "\(server.pid)",
            ])
            let floor = try JSONDecoder().decode(Floor.self, from: output)
            return [
                Measurement(
                    "worker cpu", (floor.cpu + floor.parking) / floor.operations / 1000,
                    "µs per delivery"),
                Measurement(
                    "answers alone", floor.cpu / floor.operations / 1000, "µs per delivery"),
                Measurement("wave p50", floor.nanoseconds / Double(waves) / 1e6, "ms"),
            ]
        }
    }

    /// About as many as our answers with one message have.
    private static let answerBytes = 640

    private struct Floor: Decodable {
        let operations: Double
        let nanoseconds: Double
        let cpu: Double
        let parking: Double
    }

    /// As many clients in one process as this machine lets it have descriptors, up to 20,000.
    private static func parked(_ fleet: SharedFleet) -> [Scenario] {
        let count = Lab.clientsMax(20_000)
        let crowd = ["--rooms", "1", "--members", "5000", "--clients", "\(count)"]
        let note = "clients of 5,000 users in one room, in one process"
        return [
            Scenario(
                name: "idle-20000", title: "\(count.formatted()) \(note), that wait",
                subjects: ours,
                columns: ["worker memory per client", "worker busy", "worker memory"], runsMax: 1
            ) { lab, subject in
                try fleet.load(
                    lab, [backend(of: subject)],
                    ["idle", "--seconds", "\(max(5, lab.options.seconds))"] + crowd, addresses: 4,
                    fresh: true)
            },
            Scenario(
                name: "lockstep-20000", title: "Lockstep, \(count.formatted()) \(note)",
                subjects: ours, columns: ["worker cpu"] + waveColumns, runsMax: 1
            ) { lab, subject in
                try fleet.load(
                    lab, [backend(of: subject)],
                    ["lockstep", "--messages", "10", "--warm-up", "2"] + crowd, addresses: 4)
            },
        ]
    }

    private static func two(_ fleet: SharedFleet) -> Scenario {
        Scenario(
            name: "two-500", title: "Two synchrotrons and one, one room of 500",
            subjects: ["one", "two"].map { Subject($0) { _, _ in [] } },
            columns: ["workers cpu", "workers sql"] + waveColumns
        ) { lab, subject in
            let names = subject.name == "one" ? ["epoll"] : ["epoll", "second"]
            let found = try fleet.load(
                lab, names,
                [
                    "lockstep", "--rooms", "1", "--members", "500", "--messages", "60", "--warm-up",
                    "3",
                ])
            let all = found.filter { ($0.metric.hasSuffix(" cpu")) && $0.unit == "µs per delivery" }
                .filter { !["main cpu", "database cpu"].contains($0.metric) }
            return found + [
                Measurement("workers cpu", all.reduce(0) { $0 + $1.value }, "µs per delivery"),
                Measurement(
                    "workers sql", found.first { $0.metric == "worker sql" }?.value ?? 0,
                    "per delivery"),
            ]
        }
    }

    private static func scenario(
        _ name: String, _ title: String, _ fleet: SharedFleet, _ load: @escaping (Lab) -> [String]
    ) -> Scenario {
        Scenario(
            name: name, title: title, subjects: ours,
            columns: ["latency p50", "latency p99", "latency max", "worker cpu", "worker sql"]
        ) { lab, subject in
            try fleet.load(lab, [backend(of: subject)], load(lab))
        }
    }

    private static let waveColumns = [
        "wave p50", "wave p99", "rate", "worker sql", "database cpu", "main cpu", "load busy",
        "bytes",
    ]

    private static var ours: [Subject] {
        backends.map { backend in Subject("ours, \(backend)") { _, _ in [] } }
    }

    private static func backend(of subject: Subject) -> String {
        backends.first { subject.name.hasSuffix($0) } ?? "epoll"
    }

    /// A fleet with a worker on each backend and one more, that starts with the first measurement.
    private final class SharedFleet {
        private var database: BenchDatabase?
        private var fleet: SyncFleet?

        func load(
            _ lab: Lab, _ workers: [String], _ load: [String], addresses: Int = 1,
            fresh: Bool = false
        ) throws -> [Measurement] {
            let fleet = try started(lab)
            fleet.goOn(with: workers)
            for worker in workers where fresh { try fleet.restart(worker) }
            // Those that were stopped learn what they missed.
            sleep(2)
            return try fleet.load(workers, load, addresses: addresses)
        }

        private func started(_ lab: Lab) throws -> SyncFleet {
            if let fleet { return fleet }
            let database = try self.database ?? BenchDatabase(lab)
            self.database = database
            let made = try SyncFleet(
                .ours,
                Scenario.backends.map { .init(name: $0, backend: $0) } + [
                    .init(name: "second", backend: "epoll", core: lab.options.loadCore)
                ], lab, database)
            fleet = made
            return made
        }

        deinit {
            fleet = nil
            database?.end()
        }
    }
}

extension Goal {
    static var fleetFanOut: [Goal] {
        let all = ["lockstep-50", "lockstep-200", "lockstep-500", "lockstep-5000"]
        return ["epoll", "io_uring"].flatMap { backend -> [Goal] in
            let subject = "ours, \(backend)"
            func most(_ scenario: String, _ metric: String, _ limit: Double) -> Goal {
                Goal(scenario: scenario, metric: metric, subject: subject, bound: .most(limit))
            }
            return all.map {
                Goal(
                    scenario: $0, metric: "worker cpu", subject: subject,
                    bound: .times(2, "C, \(backend)"))
            } + all.map { most($0, "worker sql", 0.05) } + [
                most("lockstep-500", "wave p50", 20), most("lockstep-5000", "wave p50", 150),
                most("open-10x20", "latency p99", 10), most("open-500", "latency p99", 10),
                most("idle-20000", "worker memory per client", 3072),
            ]
        } + [
            Goal(
                scenario: "two-500", metric: "workers cpu", subject: "two",
                bound: .times(2 / 1.9, "one"))
        ]
    }
}
