import Testing
import YAML

@testable import Observability

@Suite struct LoggingConfigurationTests {
    @Test(arguments: [
        ("", "log.yaml:1: is nothing, expected a mapping with version: 1"),
        ("root: {}", "log.yaml:1: version: is not 1, expected version: 1"),
        ("version: 2", "log.yaml:1: version: is not 1, expected version: 1"),
        (
            "version: 1\nhandlers:\n  a: {class: logging.handlers.SMTPHandler}",
            "log.yaml:3: handlers.a.class: is the text \"logging.handlers.SMTPHandler\", expected one"
        ),
        (
            "version: 1\nhandlers:\n  a: {class: logging.FileHandler}",
            "log.yaml:3: handlers.a.filename: is missing, expected a path"
        ),
        (
            "version: 1\nhandlers:\n  a: {}",
            "log.yaml:3: handlers.a: has no class, expected such as"
        ),
        (
            "version: 1\nhandlers:\n  a:\n    class: logging.StreamHandler\n    formatter: x",
            "log.yaml:5: handlers.a.formatter: is the text \"x\", expected one of the formatters"
        ),
        (
            "version: 1\nhandlers:\n  a:\n    class: logging.StreamHandler\n    stream: ext://x",
            "log.yaml:5: handlers.a.stream: is the text \"ext://x\", expected ext://sys.stdout or"
        ),
        (
            "version: 1\nhandlers:\n  a:\n    class: logging.StreamHandler\n    level: LOUD",
            "log.yaml:5: handlers.a.level: is the text \"LOUD\", expected one of DEBUG, INFO, WARN"
        ),
        (
            "version: 1\nformatters:\n  f:\n    format: '%(x'",
            "log.yaml:4: formatters.f.format: has a % that is not followed by (name), expected such"
        ),
        (
            "version: 1\nformatters:\n  f: {class: synapse.logging.TerseJsonFormatter}",
            "log.yaml:3: formatters.f.class: is the text \"synapse.logging.TerseJsonFormatter\", exp"
        ),
        (
            "version: 1\nroot:\n  handlers: [none]",
            "log.yaml:3: root.handlers: is the text \"none\", expected one of the handlers"
        ),
        (
            "version: 1\nloggers:\n  a.b:\n    propagate: maybe",
            "log.yaml:4: loggers.a.b.propagate: is the text \"maybe\", expected true or false"
        ),
        (
            "version: 1\nhandlers:\n  a: {class: logging.handlers.MemoryHandler, target: b}\n"
                + "  b: {class: logging.handlers.MemoryHandler, target: a}",
            "log.yaml:3: handlers.a.target: leads back to itself, expected another handler"
        ),
        (
            "version: 1\nhandlers:\n  a: {class: logging.handlers.MemoryHandler, target: z}",
            "log.yaml:3: handlers.a.target: is not a handler, expected one of the handlers"
        ),
        (
            "version: 1\nhandlers:\n  a:\n    class: logging.handlers.TimedRotatingFileHandler\n"
                + "    filename: x\n    when: noon",
            "log.yaml:6: handlers.a.when: is the text \"noon\", expected one of S, M, H, D, midni"
        ),
        ("version: 1\nx: [", "log.yaml:2: did not find expected node content"),
    ])
    func mistakeIsReportedWithItsPlace(text: String, expected: String) {
        let error = #expect(throws: LoggingConfigurationError.self) {
            try LoggingConfiguration(parsing: text, file: "log.yaml")
        }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    }

    @Test func everyMistakeIsReportedAtOnce() {
        let text = "version: 3\nroot: {level: x, handlers: [y]}\nloggers: 5\nhandlers: {a: 1}\n"
        let error = #expect(throws: LoggingConfigurationError.self) {
            try LoggingConfiguration(parsing: text, file: "f")
        }
        #expect(error?.problems.count == 5)
    }

    @Test func unknownKeysAreRemarks() throws {
        let configuration = try LoggingConfiguration(
            parsing: "version: 1\nlogers: {}\nversion: 1\n", file: "f")
        #expect(
            configuration.remarks.map(\.description) == [
                "f:3: version: is given twice, the one of line 1 is not used",
                "f:2: logers: is not a known key and not used",
            ])
    }

    @Test func everyPrefixLoadsOrFailsWithAPlace() {
        let text = """
            version: 1
            formatters: {f: {format: '%(asctime)s %(message)s', datefmt: '%H'}}
            handlers:
              a: {class: logging.handlers.TimedRotatingFileHandler, filename: x, when: W3, utc: yes}
              b: {class: logging.handlers.MemoryHandler, target: a, level: 25}
            loggers: {x.y: {level: DEBUG, propagate: 0, handlers: [b]}}
            root: {level: INFO, handlers: [a]}
            """
        for end in 0...text.utf8.count {
            do throws(LoggingConfigurationError) {
                _ = try LoggingConfiguration(parsing: String(text.prefix(end)), file: "f")
            } catch {
                #expect(!error.problems.isEmpty)
                #expect(error.problems.allSatisfy { $0.description.hasPrefix("f:") })
            }
        }
    }
}
