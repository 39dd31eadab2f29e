/// What is measured in one run and reported together.
struct Suite: Sendable {
    /// Of the report's files.
    let name: String
    let title: String
    /// What a reader must know besides how it was measured.
    let remarks: String
    /// How often each subject is measured if nothing else is asked for.
    let runs: Int
    /// The same with `--quick`.
    var quickRuns = 3
    /// Debian's packages whose versions matter.
    let packages: [String]
    let versions: [String]
    let makeScenarios: @Sendable () -> [Scenario]
    let makeGoals: @Sendable () -> [Goal]

    var scenarios: [Scenario] { makeScenarios() }
    var goals: [Goal] { makeGoals() }

    static let all = [reactor, replication, homeserver, synapse, fanOut]

    static let reactor = Suite(
        name: "reactor", title: "Reactor and HTTP server beside their peers", remarks: "", runs: 5,
        packages: ["liburing-dev", "libuv1-dev", "wrk"],
        versions: ["SwiftNIO 2.101.2", "Hummingbird 2.28.1"],
        makeScenarios: { Scenario.reactor }, makeGoals: { Goal.reactor })

    static let homeserver = Suite(
        name: "homeserver", title: "Main process beside Synapse",
        remarks: """
            Both over the same PostgreSQL, each with a database of the same rooms (Benchmarks/Database/populate.sql), one \
            stopped while the other is measured. Commits wait for the disk; PostgreSQL may use both cores. "process" is \
            the homeserver's CPU time for a request, "database" that of all processes of PostgreSQL, "statements" what \
            pg_stat_statements counts. Every answer must be 200. Presence, statistics and the user directory are off.
            """, runs: 3, packages: ["postgresql"], versions: ["matrix-synapse 1.163.2"],
        makeScenarios: { Scenario.homeserver }, makeGoals: { Goal.homeserver })

    static let synapse = Suite(
        name: "synapse", title: "Synchrotron beside Synapse's generic_worker",
        remarks: """
            A main process and one worker that serves /sync each, over the same PostgreSQL with a database each; Synapse's \
            processes talk through Redis. One fleet is stopped while the other is measured. The worker has the server's \
            core, the load the other; main processes and PostgreSQL may use both. Commits wait for the disk; presence, \
            statistics and the user directory are off in both. "database cpu" is that of all of PostgreSQL's processes, \
            so the main process' writing is in it; "worker database cpu" that of the worker's connections. "sql" are \
            statements by pg_stat_statements (BEGIN and COMMIT too) of the worker's role, and of the main's. Deliveries \
            are counted by the load, which accepts no message twice, none left out and no answer but 200. "latency" is \
            from before the sender's request to the reader's answer, on one clock.
            """, runs: 3, quickRuns: 1, packages: ["postgresql", "redis-tools"],
        versions: ["matrix-synapse 1.163.2"],
        makeScenarios: { Scenario.synapse }, makeGoals: { Goal.synapse })

    static let fanOut = Suite(
        name: "fanout", title: "Fan-out of a synchrotron",
        remarks: """
            One synchrotron on the server's core, the load on the other; the main process and PostgreSQL, whose commits \
            wait for the disk, may use both, so a wave waits for them too. "C" is a small HTTP server that parks requests \
            and answers all of them at once with bytes that it has, no homeserver: the least that a wave can cost on this \
            machine. Its "worker cpu" is of the answers and of reading and parking the next requests, as it is with ours; \
            "answers alone" without the latter. Presence is off.
            """, runs: 3, quickRuns: 1, packages: ["postgresql", "liburing-dev"], versions: [],
        makeScenarios: { Scenario.fleetFanOut }, makeGoals: { Goal.fleetFanOut })

    static let replication = Suite(
        name: "replication", title: "Replication beside Redis and Python",
        remarks: """
            Rows are of `events`, about 120 bytes each, the same for all. A subject that is measured has a core to \
            itself. Our main makes its rows in its own process, Redis is published to over a connection: that is how \
            each is used. "By 100": a hundred rows at once, of which ten hundreds may be under way; "one by one": the \
            next row when every worker has the last one.
            """, runs: 3, packages: ["redis-tools"], versions: ["matrix-synapse 1.66.0"],
        makeScenarios: { Scenario.replication }, makeGoals: { Goal.replication })
}
