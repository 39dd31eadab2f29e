import Reactor

/// What the command line asks for.
struct Options {
    static let usage = """
        usage: SyncLoad --main HOST:PORT [--sync HOST:PORT,...] [options] SCENARIO
        Puts load on any Matrix homeserver that lets clients register without verification, or where the users
        are there already, and prints one line of JSON.
          lockstep   a room's next message when every member has the last one
          open       messages at a given rate, whoever has read them
          idle       clients that wait and get nothing
          noop       syncs that have nothing to tell, one after the other by each client
          initial    syncs without a token
          herd       all clients come back at once, after --restart if there is one
        options:
          --rooms N, --members N   so many rooms of so many members each (1, 50)
          --shared                 the same members in each room, instead of others
          --messages N             of each room, in lockstep (20)
          --warm-up N              messages of each room before (3)
          --rate N, --seconds S    messages per second in all (10), and for how long (10)
          --bytes N                of each message's body (100)
          --requests N             of each client: noop, initial (10)
          --at-once N              clients that ask at the same time: noop, initial (1)
          --first N                the first of them (0)
          --query TEXT             more of each sync's query, such as filter=...
          --first-query TEXT       the same of the first sync of each user, before anything is measured
          --clients N              in all, dealt out to the users, whose clients share a token (one each)
          --state FILE             keeps users, rooms and positions for the next load on the same server
          --prefix TEXT            of the users' names (random)
          --process NAME=PID[+]    reports this process' CPU time and memory, with + its children's too
          --probe COMMAND          run before and after what is measured; prints lines "name number"
          --restart COMMAND        run before a herd returns, and before each request of initial
          --backend NAME           epoll or io_uring (epoll)
        """

    var main = SocketAddress.loopback(port: 8008)
    var sync: [SocketAddress] = []
    var scenario = ""
    var rooms = 1
    var members = 50
    var isShared = false
    var messages = 20
    var warmUp = 3
    var rate = 10.0
    var seconds = 10.0
    var bytes = 100
    var requests = 10
    var atOnce = 1
    var first = 0
    var query = ""
    var firstQuery: String?
    var clients: Int?
    var state: String?
    var prefix = "load\(UInt32.random(in: 0..<1_000_000_000))"
    var processes: [MeasuredProcess] = []
    var probe: String?
    var restart: String?
    var backend = EventLoop.Backend.epoll

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func value(_ name: String) throws -> String {
            guard let value = rest.popFirst() else { throw Failure("\(name) needs a value") }
            return value
        }
        func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number {
            let text = try value(name)
            guard let number = Number(text) else {
                throw Failure("\(name) needs a number, not \(text)")
            }
            return number
        }
        while let name = rest.popFirst() {
            switch name {
            case "--main": main = try Options.address(try value(name))
            case "--sync":
                sync = try value(name).split(separator: ",").map { try Options.address(String($0)) }
            case "--rooms": rooms = try number(name)
            case "--members": members = try number(name)
            case "--shared": isShared = true
            case "--messages": messages = try number(name)
            case "--warm-up": warmUp = try number(name)
            case "--rate": rate = try number(name)
            case "--seconds": seconds = try number(name)
            case "--bytes": bytes = try number(name)
            case "--requests": requests = try number(name)
            case "--at-once": atOnce = try number(name)
            case "--first": first = try number(name)
            case "--query": query = try value(name)
            case "--first-query": firstQuery = try value(name)
            case "--clients": clients = try number(name)
            case "--state": state = try value(name)
            case "--prefix": prefix = try value(name)
            case "--process": processes.append(try MeasuredProcess(try value(name)))
            case "--probe": probe = try value(name)
            case "--restart": restart = try value(name)
            case "--backend":
                let text = try value(name)
                guard let known = EventLoop.Backend(rawValue: text) else {
                    throw Failure("there is no backend \(text)")
                }
                backend = known
            default:
                guard scenario.isEmpty, !name.hasPrefix("-") else {
                    throw Failure("\(name) is unknown\n\(Options.usage)")
                }
                scenario = name
            }
        }
        guard !scenario.isEmpty else { throw Failure(Options.usage) }
        guard rooms > 0, members > 0, messages > 0, requests > 0, atOnce > 0, warmUp >= 0, rate > 0,
            seconds > 0, bytes >= 0, clients ?? 1 > 0, first >= 0
        else { throw Failure("numbers must be positive") }
        if sync.isEmpty { sync = [main] }
    }

    private static func address(_ text: String) throws -> SocketAddress {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]),
            let address = SocketAddress(host: String(text[..<colon]), port: port)
        else { throw Failure("\(text) is not a numeric address with a port") }
        return address
    }
}
