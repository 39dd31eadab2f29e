internal import JSON

/// The plan as facts, for tools that make something of their own of it.
struct BalancerJSON {
    private let plan: BalancerPlan
    private let options: Balancing.Options

    init(_ plan: BalancerPlan, _ options: Balancing.Options) {
        self.plan = plan
        self.options = options
    }

    var text: String {
        let groups = ([plan.main] + plan.groups).map { group in
            (
                group.name,
                JSON([
                    "tls": .bool(group.isTLS),
                    "servers": .array(
                        group.servers.map { server in
                            JSON([
                                "name": .string(server.name),
                                server.isUnixSocket ? "socket" : "address": .string(server.place),
                            ])
                        }),
                ])
            )
        }
        let routes = plan.rules.flatMap { rule -> [JSON] in
            let usual: [String: JSON] = [
                "methods": .array(rule.methods.map { .string($0) }), "path": .string(rule.path),
                "group": .string(rule.group.name),
            ]
            guard let initial = rule.initialGroup else { return [JSON(usual)] }
            var first = usual
            first["group"] = .string(initial.name)
            first["without_query"] = .array(["since"])
            return [JSON(first), JSON(usual)]
        }
        let main: [String: JSON] = [
            "path": .string(BalancerPlan.mainPaths), "group": .string(plan.main.name),
        ]
        let document = JSON([
            "groups": JSON(Dictionary(uniqueKeysWithValues: groups)),
            // The first that fits counts.
            "routes": .array(routes + [JSON(main)]),
            "stick_to": options.isSticky ? ["header Authorization", "query access_token"] : [],
            "serve_nothing": .array(plan.idle.map { .string($0) }),
        ])
        return String(decoding: document.bytes(style: .pretty), as: UTF8.self) + "\n"
    }
}
