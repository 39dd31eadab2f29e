import Testing

/// The staircase of the architecture: a target imports only what stands on a lower step.
private let layers: [[String]] = [
    [
        "CReactor", "CUring", "CPostgres", "CYAML", "COpenSSL", "CCurl", "CZlib", "CProcess",
        "CCrypt",
    ],
    ["Bytes", "JSON"],
    ["Reactor", "ReactorTesting", "HTTPWire", "ReplicationWire", "YAML", "Matrix"],
    ["TLS", "HTTPServer", "HTTPClient", "Replication", "Postgres", "PostgresCluster"],
    [
        "Configuration", "Observability", "ProcessControl", "Storage", "ReplicationTool",
        "Examples",
    ],
    ["Services"],
    ["API"],
    ["Workers"],
    ["beamline", "synctl"],
]

/// Siblings that build on each other by the architecture's own table.
private let exceptions: Set<String> = ["ReactorTesting imports Reactor"]

/// What else a target may import. Layers 0 to 3 do without Foundation.
private let system: Set<String> = ["Glibc", "Synchronization", "Swift", "_Concurrency"]
private let thirdParty: [String: Set<String>] = [
    "Matrix": ["Crypto"],
    "Configuration": ["FoundationEssentials"],
    "Observability": ["Logging", "FoundationEssentials"],
    "ProcessControl": ["FoundationEssentials"],
    "Storage": ["FoundationEssentials"],
    "Services": ["Logging", "Crypto", "FoundationEssentials"],
    "API": ["Logging", "FoundationEssentials"],
    "Workers": ["Logging", "FoundationEssentials"],
    "beamline": ["ArgumentParser"],
    "synctl": ["ArgumentParser", "FoundationEssentials"],
]

@Suite("Layers")
struct LayerTests {
    @Test("every target stands on one step", arguments: Tree.sources)
    func known(file: Tree.File) {
        #expect(layers.joined().contains(file.target), "\(file.target) is on no layer")
    }

    @Test("a target imports only lower layers", arguments: Tree.sources)
    func imports(file: Tree.File) throws {
        let own = try #require(layers.firstIndex { $0.contains(file.target) })
        for (module, line) in file.imports {
            if let step = layers.firstIndex(where: { $0.contains(module) }) {
                #expect(
                    step < own || exceptions.contains("\(file.target) imports \(module)"),
                    "\(file.path):\(line): \(file.target) may not import \(module)")
            } else {
                #expect(
                    system.contains(module) || thirdParty[file.target]?.contains(module) == true,
                    "\(file.path):\(line): \(module) is not allowed in \(file.target)")
            }
        }
    }
}
