import Foundation

extension Scenario {
    /// Rooms that all talk at once, each to its next message when every member has the last: how many, of how many
    /// members, and how many messages of each are measured of us and of Synapse.
    private static let crowds: [(rooms: Int, members: Int, ours: Int, synapse: Int)] = [
        (1, 50, 200, 10), (1, 200, 100, 6), (1, 500, 60, 4), (10, 20, 60, 5), (25, 20, 40, 3),
    ]

    static var synapse: [Scenario] {
        let fleets = Fleets()
        let waves = crowds.map { rooms, members, ours, synapse in
            beside(
                Scenario.crowdName(rooms, members),
                "Lockstep, \(Scenario.crowdTitle(rooms, members))", fleets, deliveryColumns
            ) { lab, fleet in
                let messages = fleet.kind == .ours ? ours : synapse
                return try fleet.load(
                    ["sync1"],
                    [
                        "lockstep", "--rooms", "\(rooms)", "--members", "\(members)", "--messages",
                        "\(messages)", "--warm-up", "2",
                    ])
            }
        }
        let open = beside(
            "open-10x20", "Ten messages a second over 10 rooms of 20", fleets,
            ["latency p50", "latency p99"] + deliveryColumns
        ) { lab, fleet in
            try fleet.load(
                ["sync1"],
                [
                    "open", "--rooms", "10", "--members", "20", "--rate", "10", "--seconds",
                    "\(max(4, lab.options.seconds * 2))",
                ])
        }
        return waves + [open] + waiting(fleets)
    }

    private static func waiting(_ fleets: Fleets) -> [Scenario] {
        let crowd = ["--rooms", "1", "--members", "500"]
        // Users of their own would take a server of Synapse's minutes to make.
        let rooms = ["--rooms", "50", "--members", "20", "--shared"]
        let costs = [
            "worker cpu", "database cpu", "worker database cpu", "worker sql", "time p50",
            "time p99",
        ]
        return [
            beside(
                "idle-500", "500 clients that wait", fleets,
                ["worker memory per client", "worker busy", "worker memory"]
            ) { lab, fleet in
                try fleet.restart("sync1")
                return try fleet.load(
                    ["sync1"], ["idle", "--seconds", "\(lab.options.seconds)"] + crowd)
            },
            beside("noop", "Syncs without news", fleets, costs) { lab, fleet in
                let requests = fleet.kind == .ours ? 10_000 : 300
                return try fleet.load(
                    ["sync1"],
                    ["noop", "--requests", "\(requests)", "--rooms", "1", "--members", "50"])
            },
            beside("initial-cold", "Initial sync of 50 rooms of 20, fresh worker", fleets, costs) {
                lab, fleet in
                try fleet.restart("sync1")
                return try fleet.load(["sync1"], ["initial", "--requests", "1"] + rooms)
            },
            // By others than before: Synapse keeps whole answers for two minutes.
            beside(
                "initial-warm", "Initial syncs of 50 rooms of 20 by 12 others at once", fleets,
                costs
            ) { lab, fleet in
                try fleet.load(
                    ["sync1"],
                    ["initial", "--requests", "1", "--first", "1", "--at-once", "12"] + rooms)
            },
            beside(
                "herd-200", "200 clients come back to a fresh worker", fleets, costs + ["time max"]
            ) { lab, fleet in
                try fleet.load(
                    ["sync1"],
                    [
                        "herd", "--rooms", "1", "--members", "200", "--restart",
                        try fleet.restartCommand("sync1"),
                    ])
            },
        ]
    }

    static let deliveryColumns = [
        "worker cpu", "database cpu", "worker database cpu", "worker sql", "main cpu", "main sql",
        "wave p50", "wave p99", "rate", "bytes", "worker memory",
    ]

    static func crowdName(_ rooms: Int, _ members: Int) -> String {
        rooms == 1 ? "lockstep-\(members)" : "lockstep-\(rooms)x\(members)"
    }

    static func crowdTitle(_ rooms: Int, _ members: Int) -> String {
        rooms == 1
            ? "one room of \(members.formatted())" : "\(rooms.formatted()) rooms of \(members)"
    }

    private static func beside(
        _ name: String, _ title: String, _ fleets: Fleets, _ columns: [String],
        _ measure: @escaping (Lab, SyncFleet) throws -> [Measurement]
    ) -> Scenario {
        Scenario(
            name: name, title: title,
            subjects: [SyncFleet.Kind.ours, .synapse].map { Subject($0.rawValue) { _, _ in [] } },
            columns: columns
        ) { lab, subject in
            let fleet = try fleets.fleet(subject.name, lab)
            fleet.goOn()
            defer { fleet.pause() }
            // Timers that came due meanwhile, and what they lead to.
            sleep(2)
            return try measure(lab, fleet)
        }
    }

    /// Both fleets start once for all scenarios.
    private final class Fleets {
        private var database: BenchDatabase?
        private var made: [SyncFleet] = []

        func fleet(_ name: String, _ lab: Lab) throws -> SyncFleet {
            if let fleet = made.first(where: { $0.name == name }) { return fleet }
            guard let kind = SyncFleet.Kind(rawValue: name) else {
                throw Problem("there is no homeserver \(name)")
            }
            let database = try self.database ?? BenchDatabase(lab)
            self.database = database
            let fleet = try SyncFleet(kind, [.init(name: "sync1")], lab, database)
            made.append(fleet)
            return fleet
        }

        deinit {
            made = []
            database?.end()
        }
    }
}

extension Goal {
    static var synapse: [Goal] {
        let waves = [
            "lockstep-50", "lockstep-200", "lockstep-500", "lockstep-10x20", "lockstep-25x20",
        ]
        return waves.map { times("worker cpu", $0, 250) } + [
            times("database cpu", "lockstep-200", 500), times("database cpu", "lockstep-500", 500),
            times("database cpu", "lockstep-10x20", 100),
            times("database cpu", "lockstep-25x20", 100),
        ]
            + waves.prefix(3).map {
                Goal(scenario: $0, metric: "worker sql", subject: "ours", bound: .most(0.05))
            } + [
                Goal(
                    scenario: "lockstep-500", metric: "wave p50", subject: "ours", bound: .most(20)),
                Goal(
                    scenario: "open-10x20", metric: "latency p99", subject: "ours", bound: .most(10)
                ),
                Goal(
                    scenario: "idle-500", metric: "worker memory per client", subject: "ours",
                    bound: .most(3072)),
                times("worker cpu", "noop", 100), times("worker cpu", "initial-warm", 20),
                times("worker cpu", "initial-cold", 20),
            ]
    }

    private static func times(_ metric: String, _ scenario: String, _ times: Double) -> Goal {
        Goal(
            scenario: scenario, metric: metric, subject: "ours",
            bound: .times(1 / times, "Synapse"))
    }
}
