PRAGMA application_id = 1296974932;
PRAGMA user_version = 3;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
    gseq INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, seq)
) STRICT;
INSERT INTO events VALUES(1,'system',1,1795940147174,'policy_activated','{"version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","before":null,"policy":{"sets":[[{"name":"starter.cedar","text":"// Mandate''s starter policy: what holds where nobody wrote another one.\n// The strictest rule that matches wins; what no rule matches is denied.\n\n@id(\"starter/reads\")\n@severity(\"info\")\n@message(\"`{tool}` only reads what this machine''s user controls\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && !resource.open_world };\n\n@id(\"starter/effects\")\n@decision(\"require_approval\")\n@message(\"`{tool}` has the effect `{effect}`\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect != \"read\" };\n\n@id(\"starter/open-reads\")\n@decision(\"require_approval\")\n@message(\"`{tool}` reads from places that other parties control\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && resource.open_world };\n\n@id(\"starter/sensitive-paths\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"`{tool}` touches something whose name says that it is sensitive\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/system-secrets\")\n@severity(\"critical\")\n@message(\"passwords and keys of this machine are not for plans\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"system_secret\") };\n\n@id(\"starter/delete-sensitive\")\n@severity(\"critical\")\n@message(\"`{tool}` would delete something whose name says that it is sensitive\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"delete\" && context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/untrusted-sinks\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides what `{tool}` does\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { !context.untrusted_sinks.isEmpty() };\n\n@id(\"starter/untrusted-control\")\n@severity(\"medium\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides whether `{tool}` is called\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.untrusted_control };\n\n@id(\"starter/read-then-send\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"something was read just before, and `{tool}` can send it away\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.sequences.contains(\"read_then_send\") };\n"},{"name":"policy.toml","text":"# What the starter set''s rules name.\n\n# Who may log in, and the keys with which they do. `sensitive_path` is wider, and needs no definition.\n[tags.system_secret]\napplies_to = [\"file\"]\nsensitive = true\npattern = ''(?i)^/etc/(g?shadow|g?passwd|master\\.passwd|sudoers)(-|\\.d|/|$)|^/etc/ssh/.*key|(^|/)\\.ssh/(id_|.*key|authorized_keys)|(^|/)\\.(aws|kube|docker|gnupg)(/|$)|^/proc/[^/]+/(environ|mem)$''\n\n# Something is read here and then something goes out, within three calls.\n[sequences.read_then_send]\npattern = [\"file_read\", \"network_request\"]\nwindow = 3\n"}]],"limits":{"calls_per_session":100,"calls_per_minute":null}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'c13a485769d764c72ff9f3c4326c69c40a644944a6f840e46b4a5a9d8e6ae83f');
INSERT INTO events VALUES(2,'system',2,1795940147377,'shadow_decided','{"version":"6998de1aed96cb7c88e1c886132c9501b96a64250c80e90dd7bbde85a04dff1b","active":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","turned":"newly_denied","what":"plan","execution_id":"01a2265f-e0b4-7779-8e2f-f1e013bae962","plan":"Agent","from":"require_approval","to":"deny","rules":["no"],"steps":["send"],"message":"`pay.send` is forbidden","at_ms":1795940147377}',X'c13a485769d764c72ff9f3c4326c69c40a644944a6f840e46b4a5a9d8e6ae83f',X'fe02e62cf1d0868a22af8b2a70e41e2048de8c54b65cea216f8b2ef198978bc8');
INSERT INTO events VALUES(3,'01a2265f-e0b4-7779-8e2f-f1e013bae962',1,1795940147377,'execution_created','{"execution_id":"01a2265f-e0b4-7779-8e2f-f1e013bae962","plan_id":"01a2265f-e0b5-7644-991f-4c0d62594d82","revision":1,"plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"execution_digest":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","principal":"local:0","session":"cli-01a2265f-e040-7510-942c-9de0d77bd7b0","approval_expires_ms":1796026547377,"seed":8349234337576568,"behaviour":2,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`pay.send` has the effect `network`","step":"send","severity":"high","inputs":{"resource.effect":"network"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"principal":"local:0","session_id":"cli-01a2265f-e040-7510-942c-9de0d77bd7b0","at_ms":1795940147377,"inputs":{},"steps":[{"step":"send","purpose":"run","tool":"pay.send","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `send`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"]}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'8baf45cb703c24022e585eb2d7ef64ce7183ab0c1bd40cceeb7ac1293a586831');
INSERT INTO events VALUES(4,'01a2265f-e0b4-7779-8e2f-f1e013bae962',2,1795940147377,'request_opened','{"request_id":"req-2b976027c51031f3","kind":"plan","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796026547377}',X'8baf45cb703c24022e585eb2d7ef64ce7183ab0c1bd40cceeb7ac1293a586831',X'6e41e7eb5cab3be4726a60e7845b2a9c64ba4535e059ce68d5b883b2e2e9f3ed');
INSERT INTO events VALUES(5,'01a2265f-e0b4-7779-8e2f-f1e013bae962',3,1795940147491,'request_answered','{"request_id":"req-2b976027c51031f3","choice":"approve","by":"local:0","channel":"flag","answer_digest":"859117d5dbb938493596ce64216cb228d29addc9338658dcba9cc2591a9beab0"}',X'6e41e7eb5cab3be4726a60e7845b2a9c64ba4535e059ce68d5b883b2e2e9f3ed',X'e7ee385c4e3483e87b3f589003870bbba1dcaf60a77ad018a5f60fcd9fd15493');
INSERT INTO events VALUES(6,'01a2265f-e0b4-7779-8e2f-f1e013bae962',4,1795940147492,'execution_started','{"approval":"req-2b976027c51031f3 by local:0 over flag"}',X'e7ee385c4e3483e87b3f589003870bbba1dcaf60a77ad018a5f60fcd9fd15493',X'3e46bef7abff2260a83f51812e4eb4d99184bf1a4cc7f491a231dbba4c00c879');
INSERT INTO events VALUES(7,'01a2265f-e0b4-7779-8e2f-f1e013bae962',5,1795940147665,'token_issued','{"principal":"local:0","expires_ms":1795941047665,"key":"te321ac10"}',X'3e46bef7abff2260a83f51812e4eb4d99184bf1a4cc7f491a231dbba4c00c879',X'6ab672a54c6f93be4ad6cc1f09b102831c58194fa61db13a8a7f67672e0d47ac');
INSERT INTO events VALUES(8,'01a2265f-e0b4-7779-8e2f-f1e013bae962',6,1795940148045,'host_stopped','{"reason":"the host that drove it has left"}',X'6ab672a54c6f93be4ad6cc1f09b102831c58194fa61db13a8a7f67672e0d47ac',X'2607b1c84b06543f53396afec8685837a476b9c39815d86b0196edaf097b6102');
INSERT INTO events VALUES(9,'01a2265f-e0b4-7779-8e2f-f1e013bae962',7,1795940154650,'host_started','{"host":"01a2265f-fcfd-73ed-9e2b-a5cb779b1361"}',X'2607b1c84b06543f53396afec8685837a476b9c39815d86b0196edaf097b6102',X'b11f3b06119871bcc49632c4462e2f1612acfeb2d73296145e336a13f465c262');
INSERT INTO events VALUES(10,'01a2265f-e0b4-7779-8e2f-f1e013bae962',8,1795940154699,'call_refused','{"refusal":{"code":"ARGUMENT_VIOLATION","message":"the argument `/to` of step `send` is not the one in the plan","expected":{"argument":"/to","planned":"bob"},"rule":"steps.send.args"},"admission":false,"call":{"tool":"pay.send","args_digest":"58bedd224fe4353f6b6eec2c0aead9351e0dfbfd0a2130edfa8c691bfa024610","by":"local:0"}}',X'b11f3b06119871bcc49632c4462e2f1612acfeb2d73296145e336a13f465c262',X'a7f702feb8cc33b31f3d7a71a8f63f9bb2a502c50878d2a9c8c178e1b06a2afe');
INSERT INTO events VALUES(11,'01a2265f-e0b4-7779-8e2f-f1e013bae962',9,1795940154949,'host_stopped','{"reason":"the host that drove it has left"}',X'a7f702feb8cc33b31f3d7a71a8f63f9bb2a502c50878d2a9c8c178e1b06a2afe',X'af520bb2dbd26961c881ee731b43144c06a876075988198c217239ed1e7b7e3a');
INSERT INTO events VALUES(12,'01a2265f-e0b4-7779-8e2f-f1e013bae962',10,1795940159988,'host_started','{"host":"01a22660-11de-760c-837e-83207d659546"}',X'af520bb2dbd26961c881ee731b43144c06a876075988198c217239ed1e7b7e3a',X'5e084538ca8e78c38dd4a1b8ba49ed832db6207b3dc620a06cb9b8a4ebf7e40d');
INSERT INTO events VALUES(13,'system',3,1795940160042,'shadow_decided','{"version":"6998de1aed96cb7c88e1c886132c9501b96a64250c80e90dd7bbde85a04dff1b","active":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","turned":"newly_denied","what":"call","execution_id":"01a2265f-e0b4-7779-8e2f-f1e013bae962","plan":"Agent","step":"send","purpose":"run","tool":"pay.send","from":"require_approval","to":"deny","rules":["no"],"message":"`pay.send` is forbidden","at_ms":1795940160042}',X'fe02e62cf1d0868a22af8b2a70e41e2048de8c54b65cea216f8b2ef198978bc8',X'76e19b71e3834167bd2c311cc4ef39fd476c5006a803bca753d6676dc126df40');
INSERT INTO events VALUES(14,'01a2265f-e0b4-7779-8e2f-f1e013bae962',11,1795940160042,'call_requested','{"step":"send","tool":"pay.send","args":{"to":"bob"},"by":"local:0","key":"te321ac10"}',X'5e084538ca8e78c38dd4a1b8ba49ed832db6207b3dc620a06cb9b8a4ebf7e40d',X'417437c1126b6d81cafb709d5ed7d826b6a3b1963fce7033e5df2f97a4117b5b');
INSERT INTO events VALUES(15,'01a2265f-e0b4-7779-8e2f-f1e013bae962',12,1795940160042,'step_started','{"step":"send","attempt":1,"tool":"pay.send","facts":{"effect":"network","idempotent":false,"open_world":true},"args":{"to":"bob"},"args_digest":"99a2b95c544f4bf2996dc4cb67b53fffc009ef4a568fe4c8c843b5ee84ba8f34","idempotency_key":"844553f7ac21efa5ab71133b6a7eae609530dbdd3fc8c96ade66dfed64afe339","permit":"69f364c785fc0e50cdb18ad6cb83de7d5767e5ad0ebbcd03292502a109951c27","granted_digest":"47723ee9f7f34cf759db8563ab3b39436c258168f6767f563d244c2f7a260419"}',X'417437c1126b6d81cafb709d5ed7d826b6a3b1963fce7033e5df2f97a4117b5b',X'5d7b99e6403f8ffe8ee952e5e1690ebf1ddfade347c3559090b41d895b23997a');
INSERT INTO events VALUES(16,'01a2265f-e0b4-7779-8e2f-f1e013bae962',13,1795940160126,'step_completed','{"step":"send","attempt":1,"output_digest":"664508afda2480500977bd381bd3f0901844c0bbae1665d75beb70ebf94740b8","output":{}}',X'5d7b99e6403f8ffe8ee952e5e1690ebf1ddfade347c3559090b41d895b23997a',X'a0b8a561e31144bee53a768b4f409d9a141a73f610b65f222a9b6e2488f456d6');
INSERT INTO events VALUES(17,'01a2265f-e0b4-7779-8e2f-f1e013bae962',14,1795940160441,'host_stopped','{"reason":"the host that drove it has left"}',X'a0b8a561e31144bee53a768b4f409d9a141a73f610b65f222a9b6e2488f456d6',X'ef50f5e890c5d76a7686ade6478f905e25955afc5976284e73b47246abfebab0');
INSERT INTO events VALUES(18,'01a2265f-e0b4-7779-8e2f-f1e013bae962',15,1795940165245,'host_started','{"host":"01a22660-2659-7463-a866-97dc5852ae4f"}',X'ef50f5e890c5d76a7686ade6478f905e25955afc5976284e73b47246abfebab0',X'908b346d5c922625d65e44e9d7e57699484ecd16fb40fcad1da09740da0be311');
INSERT INTO events VALUES(19,'01a2265f-e0b4-7779-8e2f-f1e013bae962',16,1795940165298,'finish_requested','{"by":"local:0"}',X'908b346d5c922625d65e44e9d7e57699484ecd16fb40fcad1da09740da0be311',X'9a740c25850c27e8521fd84cc6306d6ff1e9f3601f71b3d5777425fac599de2a');
INSERT INTO events VALUES(20,'01a2265f-e0b4-7779-8e2f-f1e013bae962',17,1795940165298,'execution_finished','{"status":"success","error":null,"outputs":{"send":{}}}',X'9a740c25850c27e8521fd84cc6306d6ff1e9f3601f71b3d5777425fac599de2a',X'd82db1633c6838fe3011479f3619e4dc2225dfa024f70c3b35d01424677ae11c');
INSERT INTO events VALUES(21,'system',4,1795940167887,'token_key_created','{"key":"t8f7dc3df","by":"local:0","alone":false}',X'76e19b71e3834167bd2c311cc4ef39fd476c5006a803bca753d6676dc126df40',X'd719a794b6b94e8ac57b10e9b3a5493cb9ab3fa0fcc47f8f95c105211fd6b983');
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    first_gseq INTEGER NOT NULL,
    last_gseq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO commits VALUES(1,1,1,1795940147174,X'0000000000000000000000000000000000000000000000000000000000000000',X'5f482c576164a50e546c19248816e4d5cd5474801bf4e818ff5eaebe397a11ff',X'83e32f7991b29ca677858054b0f448570335a68c0c488be1cecaeeddccacb276');
INSERT INTO commits VALUES(2,2,2,1795940147377,X'5f482c576164a50e546c19248816e4d5cd5474801bf4e818ff5eaebe397a11ff',X'a623c9a7d70d75ef45b4ba9efc89876aa2dbad34eaec9521f49237f23cd3f9b8',X'ae0d877f275e8525b0c19b3f87502cace689de111d55d00264907555a1dac064');
INSERT INTO commits VALUES(3,3,4,1795940147377,X'a623c9a7d70d75ef45b4ba9efc89876aa2dbad34eaec9521f49237f23cd3f9b8',X'c717a94db7744c73dc17d7e496276d84f3d19a61d99ce70e957400b626fe4d46',X'3f038f99faf90f4426c4533d8872a63d55800f8427f9f6d5e24adc05101f7fe3');
INSERT INTO commits VALUES(4,5,6,1795940147492,X'c717a94db7744c73dc17d7e496276d84f3d19a61d99ce70e957400b626fe4d46',X'e435d7a00f09333e6813ab18c673233bd4cd25259c036ce9f494eec5cf0c6bf7',X'3ea0a1989ac2d816b46eddd64a4163e5eef9da9c5aec629866f859f9b70e4b31');
INSERT INTO commits VALUES(5,7,7,1795940147665,X'e435d7a00f09333e6813ab18c673233bd4cd25259c036ce9f494eec5cf0c6bf7',X'10624280c40716a3e6328931a2dd8d90b03dca76d9a0485d2b00df675e507f68',X'603e1ae46a89a39e8d7e86920d47c08c54903d10ac21c188188f3423f4ef6666');
INSERT INTO commits VALUES(6,8,8,1795940148045,X'10624280c40716a3e6328931a2dd8d90b03dca76d9a0485d2b00df675e507f68',X'd02722b7a5a94a95e530431b6f11c778947f1341c9bb791f9e871a9bee511fad',X'9529b6bb71e6e121006e86fc7c24c13bd384a7d9e818bff2de3ea54a549908c7');
INSERT INTO commits VALUES(7,9,9,1795940154650,X'd02722b7a5a94a95e530431b6f11c778947f1341c9bb791f9e871a9bee511fad',X'4ac36eb8c3f38f765848f4c4de15b173b4af791bc418fd4cbcb9999cd7d3e1ac',X'9bd662246910be330ce2db3a73512e827a39b9f47a8db4ede887cbf8213f8bd0');
INSERT INTO commits VALUES(8,10,10,1795940154699,X'4ac36eb8c3f38f765848f4c4de15b173b4af791bc418fd4cbcb9999cd7d3e1ac',X'5050f514f960be56e618c1efb1bf89b31d51d5786b8787a939b6635fc01ac71f',X'47deb094e09527142efa0aa61c984a5d6500e711693369ba03d0b1bd12c6799c');
INSERT INTO commits VALUES(9,11,11,1795940154949,X'5050f514f960be56e618c1efb1bf89b31d51d5786b8787a939b6635fc01ac71f',X'5d44f5568901fb56b4ff6c4c5f854aef9cc9330d19426bb406fb62f1552eeffe',X'130e85685d985ac44f91cee7bfdccf1fa770eccdbb653cde2dea2f7767590178');
INSERT INTO commits VALUES(10,12,12,1795940159988,X'5d44f5568901fb56b4ff6c4c5f854aef9cc9330d19426bb406fb62f1552eeffe',X'a640ee450a3f5e134c90fc3f5877c9ad3fbc02f40f7d48e3207eb862654c1dc6',X'061a27cf44c37a0d2781216a2ded8ee255230a43641a66a823368d97763c81b3');
INSERT INTO commits VALUES(11,13,13,1795940160042,X'a640ee450a3f5e134c90fc3f5877c9ad3fbc02f40f7d48e3207eb862654c1dc6',X'b43b13a10e7d434f32cde5ce85267cb4db0cc2155c523bfdf674b92fe5b28da3',X'e4a29b77e831f65bbad992225fcae3b895ac89ec0a1cc60e7b889b6296a0f1ba');
INSERT INTO commits VALUES(12,14,15,1795940160042,X'b43b13a10e7d434f32cde5ce85267cb4db0cc2155c523bfdf674b92fe5b28da3',X'667968539201176e0fac262dde4c85b4a38a7fa9951c24a445b2a7d4cac65532',X'46be72879c11210e087a3f5e75f680b9799fbe733d0d8cb1b8c62d93fd10ded5');
INSERT INTO commits VALUES(13,16,16,1795940160126,X'667968539201176e0fac262dde4c85b4a38a7fa9951c24a445b2a7d4cac65532',X'bebd5440d1716c44ef8e393b46e02852ddb87fe718bdbbc8ee8e1cf5a00790ff',X'017c3b62c6c0c869b15a85e68b5771cd4ee0b5d069aaffd425412acce887ec98');
INSERT INTO commits VALUES(14,17,17,1795940160441,X'bebd5440d1716c44ef8e393b46e02852ddb87fe718bdbbc8ee8e1cf5a00790ff',X'e88e499f261ae81eace26a959d1b549cb05875c1a76b031d74b5d81d6b5bfe95',X'f5d7ad598d965e52d5b32e281fcf6006aad757d578b22ab7403a4367a92ef732');
INSERT INTO commits VALUES(15,18,18,1795940165245,X'e88e499f261ae81eace26a959d1b549cb05875c1a76b031d74b5d81d6b5bfe95',X'8ac06f75e3a30da38f01150c2dc3fd404607f5f943d6bcd6c7b32b1f4da49a9e',X'6c594bb5c1e571960dc3a901b60e5a66b8a486f14d04ec185154bbb74b0ab659');
INSERT INTO commits VALUES(16,19,20,1795940165298,X'8ac06f75e3a30da38f01150c2dc3fd404607f5f943d6bcd6c7b32b1f4da49a9e',X'e88d08a4c3035338dc9440311d7d98638d3d8ce23ebc0f5d21242db0d500d730',X'71a449a76aad1115bc90840f6bf2fa14ff1d3ded431a4e8750338339b16d705f');
INSERT INTO commits VALUES(17,21,21,1795940167887,X'e88d08a4c3035338dc9440311d7d98638d3d8ce23ebc0f5d21242db0d500d730',X'18fd481b263d2278f8757ee25b57cb69235469b618932e96bee8009d905aeee7',X'0bfdb377619060e6cf8c0c1098c7d00acba6f7968112c44a5ddce17bbc437c5d');
CREATE TABLE plans (
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    canonical TEXT NOT NULL
) STRICT;
INSERT INTO plans VALUES(X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','Agent',1795940147377,3,X'6cd25db09c61e24c614d1f6a6f844ff4c62826e2a578a116b9e0cb8600445c40','{"mode":"agent","name":"Agent","steps":[{"args":{"to":"bob"},"id":"send","max_invocations":2,"tool":"pay.send"}],"version":1}');
CREATE TABLE blobs (
    hash BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO lease VALUES(1,5,2655,16,X'e88d08a4c3035338dc9440311d7d98638d3d8ce23ebc0f5d21242db0d500d730',X'a49b5449d95f947ec50da3dbcb93ac8687eb96105dce0367fca4b33616f72503');
CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY,
    plan_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    plan_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    state TEXT NOT NULL,
    status TEXT,
    error_code TEXT,
    waiting_for TEXT,
    priority INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    last_seq INTEGER NOT NULL,
    steps_total INTEGER NOT NULL,
    steps_settled INTEGER NOT NULL,
    tools TEXT NOT NULL,
    waiting_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN json_valid(waiting_for) THEN json_extract(waiting_for, '$.kind') END
    ) VIRTUAL
, parent TEXT) STRICT, WITHOUT ROWID;
INSERT INTO executions VALUES('01a2265f-e0b4-7779-8e2f-f1e013bae962','01a2265f-e0b5-7644-991f-4c0d62594d82',1,X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','Agent','local:0','cli-01a2265f-e040-7510-942c-9de0d77bd7b0','completed','success',NULL,NULL,0,1795940147377,1795940165298,1795940165298,17,1,1,' pay.send ',NULL);
CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    state TEXT NOT NULL,
    subject BLOB NOT NULL,
    detail TEXT NOT NULL,
    answer TEXT,
    opened_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    closed_at_ms INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO requests VALUES('req-2b976027c51031f3','01a2265f-e0b4-7779-8e2f-f1e013bae962','plan',NULL,'answered',X'b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507','{"plan":"Agent","plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`pay.send` has the effect `network`","step":"send","severity":"high","inputs":{"resource.effect":"network"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"principal":"local:0","session_id":"cli-01a2265f-e040-7510-942c-9de0d77bd7b0","at_ms":1795940147377,"inputs":{},"steps":[{"step":"send","purpose":"run","tool":"pay.send","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `send`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"]}}','{"choice":"approve","by":"local:0","channel":"flag"}',1795940147377,1796026547377,1795940147491);
CREATE TABLE calls (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO calls VALUES('01a2265f-e0b4-7779-8e2f-f1e013bae962',12,'cli-01a2265f-e040-7510-942c-9de0d77bd7b0',1795940160042,'network_request');
CREATE INDEX plans_by_commit ON plans (commit_number, hash);
CREATE INDEX blobs_by_commit ON blobs (commit_number, hash);
CREATE INDEX executions_by_created ON executions (created_at_ms);
CREATE INDEX executions_by_updated ON executions (updated_at_ms);
CREATE INDEX executions_by_state ON executions (state, created_at_ms);
CREATE INDEX executions_by_status ON executions (status, created_at_ms);
CREATE INDEX executions_by_principal ON executions (principal, created_at_ms);
CREATE INDEX executions_by_session ON executions (session, created_at_ms);
CREATE INDEX executions_by_plan ON executions (plan_hash, created_at_ms);
CREATE INDEX executions_waiting ON executions (waiting_kind, created_at_ms)
    WHERE waiting_kind IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (priority DESC, created_at_ms)
    WHERE finished_at_ms IS NULL;
CREATE INDEX requests_by_opened ON requests (opened_at_ms);
CREATE INDEX requests_by_state ON requests (state, opened_at_ms);
CREATE INDEX requests_by_kind ON requests (kind, opened_at_ms);
CREATE INDEX requests_by_execution ON requests (execution_id, opened_at_ms);
CREATE INDEX requests_expiring ON requests (expires_at_ms) WHERE state = 'open';
CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';
CREATE INDEX calls_by_session ON calls (session, at_ms);
COMMIT;
