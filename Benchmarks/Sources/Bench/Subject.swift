/// A server or loop that is measured.
struct Subject {
    let name: String
    /// Its command line, for a port.
    let command: (Lab, Int) throws -> [String]

    init(_ name: String, _ command: @escaping (Lab, Int) throws -> [String]) {
        self.name = name
        self.command = command
    }

    static func ours(_ role: String) -> [Subject] {
        ["epoll", "io_uring"].map { backend in
            Subject("ours, \(backend)") { [$0.ours("Ours"), backend, role, "\($1)"] }
        }
    }

    static func peer(_ name: String, _ program: String, _ arguments: String...) -> Subject {
        Subject(name) { [$0.peer(program)] + arguments + ["\($1)"] }
    }
}

/// One number of one run.
struct Measurement {
    let metric: String
    let unit: String
    let value: Double

    init(_ metric: String, _ value: Double, _ unit: String) {
        self.metric = metric
        self.unit = unit
        self.value = value
    }
}
