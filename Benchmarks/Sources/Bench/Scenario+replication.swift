import Foundation

extension Scenario {
    static var replication: [Scenario] {
        [1, 10, 100].map { live(workers: $0, batch: 100) } + [live(workers: 100, batch: 1)]
            + [1, 10, 100].map { receiving(workers: $0) }
            + [catchUp, catchUpFromDatabase, parsing]
            + [40, 1000, 10_000].map { latency(perSecond: $0) } + [follow, stalled]
    }

    // MARK: The main's side

    /// Every worker is the same small C program, whoever sends.
    private static func live(workers: Int, batch: Int) -> Scenario {
        let manner = batch == 1 ? "one by one" : "by \(batch)"
        return Scenario(
            name: batch == 1 ? "live-\(workers)-single" : "live-\(workers)",
            title: "Live rows to \(workers) worker(s), \(manner): the sender's CPU time",
            subjects: senders(batch: batch),
            columns: ["cpu", "cpu per row", "rate", "server busy", "load busy"], descriptors: 1100
        ) { lab, subject in
            try lab.serving(subject) { server in
                let output = try lab.load([
                    lab.peer("RowSink"), subject.name == "Redis" ? "redis" : "main",
                    "\(server.port)", "\(workers)", "\(batch)", "\(window(batch))", "\(lab.warmUp)",
                    "\(lab.options.seconds)", "\(server.pid)",
                ])
                return measurements(try JSONDecoder().decode(Work.self, from: output), workers)
            }
        }
    }

    private static func window(_ batch: Int) -> Int { batch == 1 ? 1 : 10 * batch }

    private static func measurements(_ work: Work, _ workers: Int) -> [Measurement] {
        let each = work.cpu / work.operations / 1000
        return [
            Measurement("cpu", each, "µs per row and worker"),
            Measurement("cpu per row", each * Double(workers), "µs"),
            Measurement(
                "rate", work.operations / Double(workers) / work.nanoseconds * 1e9, "rows/s"),
            Measurement("server busy", work.cpu / work.nanoseconds * 100, "%"),
            Measurement("load busy", work.load / work.nanoseconds * 100, "%"),
        ]
    }

    private static func senders(batch: Int) -> [Subject] {
        mains { ["main", "\($0)", "\(batch)", "\(window(batch))"] } + [.redis(limited: false)]
    }

    private static func mains(_ role: @escaping (Int) -> [String]) -> [Subject] {
        ["epoll", "io_uring"].map { backend in
            Subject("ours, \(backend)") { [$0.ours("Replicator"), backend] + role($1) }
        }
    }

    // MARK: The worker's side

    private struct Received: Decodable {
        let operations: Double
        let nanoseconds: Double
        let cpu: Double

        func measurements(_ workers: Int) -> [Measurement] {
            [
                Measurement("cpu", cpu / operations / 1000, "µs per row and worker"),
                Measurement("rate", operations / Double(workers) / nanoseconds * 1e9, "rows/s"),
                Measurement("worker busy", cpu / nanoseconds * 100, "%"),
            ]
        }
    }

    /// The measured worker parses and decodes each row; what it is beside only looks for the token.
    private static func receiving(workers: Int) -> Scenario {
        Scenario(
            name: "receive-\(workers)",
            title: "Live rows at \(workers) worker(s): the receiver's CPU time",
            subjects: backends + [Subject("C, not decoding") { _, _ in [] }],
            columns: ["cpu", "rate", "worker busy"], descriptors: 1100
        ) { lab, subject in
            try lab.serving(mains { ["main", "\($0)", "100", "1000"] }[0]) { server in
                guard let backend = backend(of: subject) else {
                    let output = try lab.load([
                        lab.peer("RowSink"), "main", "\(server.port)", "\(workers)", "100", "1000",
                        "\(lab.warmUp)", "\(lab.options.seconds)", "\(server.pid)",
                    ])
                    let work = try JSONDecoder().decode(Work.self, from: output)
                    return Received(
                        operations: work.operations, nanoseconds: work.nanoseconds, cpu: work.load
                    ).measurements(workers)
                }
                let output = try lab.load([
                    lab.ours("Replicator"), backend, "receive", "\(server.port)", "\(workers)",
                    "100", "\(lab.warmUp)", "\(lab.options.seconds)",
                ])
                return try JSONDecoder().decode(Received.self, from: output).measurements(workers)
            }
        }
    }

    private static var backends: [Subject] { mains { _ in [] } }

    private static func backend(of subject: Subject) -> String? {
        subject.name.hasPrefix("ours, ") ? String(subject.name.dropFirst(6)) : nil
    }

    /// From a source that makes its rows, so that no database is measured.
    private static var catchUp: Scenario {
        struct CaughtUp: Decodable {
            let operations: Double
            let nanoseconds: Double
            let cpu: Double
            let server: Double
        }
        return Scenario(
            name: "catchup", title: "A million missed rows", subjects: backends,
            columns: ["rate", "main", "worker"]
        ) { lab, subject in
            let rows = lab.options.seconds < 2 ? 200_000 : 1_000_000
            let store = mains { ["store", "\($0)", "\(rows)"] }.first { $0.name == subject.name }
            return try lab.serving(store ?? subject) { server in
                let output = try lab.load([
                    lab.ours("Replicator"), backend(of: subject) ?? "auto", "catchup",
                    "\(server.port)", "\(rows)", "\(server.pid)",
                ])
                let done = try JSONDecoder().decode(CaughtUp.self, from: output)
                return [
                    Measurement("rate", done.operations / done.nanoseconds * 1e9, "rows/s"),
                    Measurement("main", done.server / done.operations / 1000, "µs per row"),
                    Measurement("worker", done.cpu / done.operations / 1000, "µs per row"),
                ]
            }
        }
    }

    private static var parsing: Scenario {
        struct Parsed: Decodable {
            let rows: Double
            let nanoseconds: Double
        }
        return Scenario(
            name: "parse", title: "Rows from memory to a worker's follower, one core",
            subjects: [
                Subject("ours, classic") { lab, _ in
                    [lab.ours("Replicator"), "epoll", "parse", "1000000"]
                },
                Subject("ours, named") { lab, _ in
                    [lab.ours("Replicator"), "epoll", "parse", "1000000", "named"]
                },
                Subject("Python, named") { lab, _ in
                    [lab.options.python, lab.options.script, "parse", "200000"]
                },
            ], columns: ["rate"]
        ) { lab, subject in
            let command = lab.pinned(try subject.command(lab, 0), to: lab.options.serverCore)
            let parsed = try JSONDecoder().decode(Parsed.self, from: try lab.run(command))
            return [Measurement("rate", parsed.rows / parsed.nanoseconds * 1e9, "rows/s")]
        }
    }

    // MARK: Time

    private static func latency(perSecond rate: Int) -> Scenario {
        struct Times: Decodable {
            let operations: Double
            let median: Double
            let p99: Double
        }
        return Scenario(
            name: "latency-\(rate)",
            title: "From publishing to the worker, \(Double(rate).brief) rows/s",
            subjects: mains { ["paced", "\($0)", "\(rate)"] } + [.redis(limited: false)],
            columns: ["median", "p99"]
        ) { lab, subject in
            try lab.serving(subject) { server in
                let command =
                    if let backend = backend(of: subject) {
                        [
                            lab.ours("Replicator"), backend, "latency", "\(server.port)",
                            "\(lab.warmUp)", "\(lab.options.seconds)",
                        ]
                    } else {
                        [
                            lab.peer("RowSink"), "redis-latency", "\(server.port)", "1", "\(rate)",
                            "0", "\(lab.warmUp)", "\(lab.options.seconds)", "\(server.pid)",
                        ]
                    }
                let times = try JSONDecoder().decode(Times.self, from: try lab.load(command))
                return [
                    Measurement("median", times.median / 1000, "µs"),
                    Measurement("p99", times.p99 / 1000, "µs"),
                ]
            }
        }
    }

    /// Never less than ten seconds: the figure is small.
    private static var follow: Scenario {
        struct Followed: Decodable {
            let operations: Double
            let nanoseconds: Double
            let cpu: Double?
            let load: Double?
        }
        return Scenario(
            name: "follow-40", title: "A worker that follows 40 rows/s",
            subjects: backends
                + ["C, not decoding", "Python, parsing only"].map { name in
                    Subject(name) { _, _ in [] }
                }, columns: ["core", "each row"], runsMax: 3
        ) { lab, subject in
            let seconds = "\(max(10, lab.options.seconds))"
            let python = subject.name.hasPrefix("Python")
            let main = mains { ["paced", "\($0)", "40"] + (python ? ["named"] : []) }[0]
            return try lab.serving(main) { server in
                let command: [String] =
                    if let backend = backend(of: subject) {
                        [
                            lab.ours("Replicator"), backend, "latency", "\(server.port)", "1",
                            seconds,
                        ]
                    } else if python {
                        [
                            lab.options.python, lab.options.script, "follow", "\(server.port)",
                            seconds, "1",
                        ]
                    } else {
                        [
                            lab.peer("RowSink"), "main-follow", "\(server.port)", "1", "0", "0",
                            "1",
                            seconds, "\(server.pid)",
                        ]
                    }
                let work = try JSONDecoder().decode(Followed.self, from: try lab.load(command))
                let own = work.load ?? work.cpu ?? 0
                return [
                    Measurement("core", own / work.nanoseconds * 100, "%"),
                    Measurement("each row", own / work.operations / 1000, "µs"),
                ]
            }
        }
    }

    // MARK: Memory

    /// One worker reads, one does not, while rows come as fast as Redis' publisher makes them, or 50,000 a second.
    private static var stalled: Scenario {
        struct Memory: Decodable {
            let rows: Double
            let growth: Double
            let cut: Int
        }
        return Scenario(
            name: "stalled", title: "The sender's memory while one of two workers does not read",
            subjects: mains { ["paced", "\($0)", "50000"] } + [.redis(limited: true)],
            columns: ["growth", "rows", "worker cut off"]
        ) { lab, subject in
            try lab.serving(subject) { server in
                let output = try lab.load([
                    lab.peer("RowSink"),
                    subject.name.hasPrefix("Redis") ? "redis-stalled" : "main-stalled",
                    "\(server.port)", "2", "100", "1000", "0", "\(max(3, lab.options.seconds))",
                    "\(server.pid)",
                ])
                let memory = try JSONDecoder().decode(Memory.self, from: output)
                return [
                    Measurement("growth", memory.growth / 1_048_576, "MiB"),
                    Measurement("rows", memory.rows, "of the other"),
                    Measurement("worker cut off", Double(memory.cut), "1: yes"),
                ]
            }
        }
    }
}

extension Subject {
    /// A private Redis that keeps nothing; `limited` as Debian configures what may wait for a subscriber.
    static func redis(limited: Bool) -> Subject {
        Subject(limited ? "Redis, 32 MiB limit" : "Redis") { lab, port in
            [
                lab.options.redis, "--port", "\(port)", "--bind", "127.0.0.1", "--protected-mode",
                "no", "--save", "", "--appendonly", "no", "--logfile",
                "\(try lab.folder("redis"))/log", "--client-output-buffer-limit",
                limited ? "pubsub 32mb 8mb 60" : "pubsub 0 0 0",
            ]
        }
    }
}

extension Goal {
    static var replication: [Goal] {
        let mains = ["ours, epoll", "ours, io_uring"]
        let dear = mains.flatMap { main in
            ["live-100", "live-100-single"].map {
                Goal(scenario: $0, metric: "cpu", subject: main, bound: .times(1, "Redis"))
            }
        }
        let cheap = mains.flatMap { main in
            [
                Goal(scenario: "follow-40", metric: "core", subject: main, bound: .most(0.2)),
                Goal(scenario: "stalled", metric: "growth", subject: main, bound: .most(32)),
            ]
        }
        return dear + cheap + [
            Goal(
                scenario: "parse", metric: "rate", subject: "ours, classic",
                bound: .least(1_000_000))
        ]
    }
}
