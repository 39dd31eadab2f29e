/// Something that the user should know, and that ends the run.
struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What the command line asks for.
struct Options {
    static let usage = """
        usage: Bench --ours DIRECTORY --peers DIRECTORY [options]
          --ours, --peers    where the servers' executables are
          --suite NAME       reactor, replication, homeserver, synapse or fanout (reactor)
          --nginx FILE       nginx's executable (nginx)
          --redis FILE       redis-server's executable (redis-server)
          --python FILE      a Python that has matrix-synapse (python3)
          --script FILE      what it runs (Benchmarks/Peers/Python/rows.py)
          --homeserver FILE  our executable (.build/release/beamline)
          --events N         how many events the homeservers' databases begin with (1000000)
          --only NAME        only scenarios whose names begin so; may be repeated
          --subject NAME     only these subjects; may be repeated
          --seconds S        measured time of each run (3)
          --runs N           repeats of each subject (5; 3 of replication)
          --profile          where the time goes in what misses a goal (needs perf)
          --quick            one second, three runs
          --cores S,L        the server's core and the load's (0,1)
          --output DIRECTORY where the report goes (.bench)
        """

    var help = false
    var ours = ""
    var peers = ""
    var suite = Suite.reactor
    var nginx = "nginx"
    var redis = "redis-server"
    var python = "python3"
    var script = "Benchmarks/Peers/Python/rows.py"
    var homeserver = ".build/release/beamline"
    let populate = "Benchmarks/Database/populate.sql"
    var events = 1_000_000
    var only: [String] = []
    var subjects: [String] = []
    var seconds = 3.0
    var runs = 0
    var profile = false
    var isQuick = false
    var serverCore = 0
    var loadCore = 1
    var output = ".bench"

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func value(_ name: String) throws -> String {
            guard let value = rest.popFirst() else { throw Problem("\(name) needs a value") }
            return value
        }
        func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number {
            let text = try value(name)
            guard let number = Number(text) else {
                throw Problem("\(name) needs a number, not \(text)")
            }
            return number
        }
        while let name = rest.popFirst() {
            switch name {
            case "--help": help = true
            case "--ours": ours = try value(name)
            case "--peers": peers = try value(name)
            case "--suite":
                let text = try value(name)
                guard let known = Suite.all.first(where: { $0.name == text }) else {
                    throw Problem("there is no suite \(text)")
                }
                suite = known
            case "--nginx": nginx = try value(name)
            case "--redis": redis = try value(name)
            case "--python": python = try value(name)
            case "--script": script = try value(name)
            case "--homeserver": homeserver = try value(name)
            case "--events": events = try number(name)
            case "--only": only.append(try value(name))
            case "--subject": subjects.append(try value(name))
            case "--seconds": seconds = try number(name)
            case "--runs": runs = try number(name)
            case "--profile": profile = true
            case "--quick": (seconds, runs, isQuick) = (1, suite.quickRuns, true)
            case "--output": output = try value(name)
            case "--cores":
                let cores = try value(name).split(separator: ",").compactMap { Int($0) }
                guard cores.count == 2 else { throw Problem("--cores needs two numbers, as 0,1") }
                (serverCore, loadCore) = (cores[0], cores[1])
            default: throw Problem("\(name) is unknown\n\(Options.usage)")
            }
        }
        if runs == 0 { runs = suite.runs }
        guard help || !(ours.isEmpty || peers.isEmpty) else { throw Problem(Options.usage) }
        guard seconds > 0, runs > 0 else { throw Problem("--seconds and --runs must be positive") }
    }
}
