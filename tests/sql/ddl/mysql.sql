-- A dump as mysqldump writes it, for test_parse.py.
/*!40101 SET NAMES utf8 */;
# a dump
DROP TABLE IF EXISTS `guests`;
CREATE TABLE `guests` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT COMMENT 'the guest\'s number; see below',
  `name` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'a,b',
  `diet` enum('none','int') DEFAULT NULL,
  `came` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `room` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`) USING BTREE,
  UNIQUE KEY `by_name` (`name`(10)),
  KEY `by_room` (`room`, `name`),
  FULLTEXT KEY `words` (`name`),
  INDEX (`came`),
  CONSTRAINT `fk` FOREIGN KEY (`room`) REFERENCES `rooms` (`no`) ON DELETE SET NULL
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='guests; all';
LOCK TABLES `guests` WRITE;
INSERT INTO `guests` VALUES (1,'O\'Hara','none',NULL,NULL);
CREATE TABLE `rooms` (`no` int NOT NULL, `price` decimal(9,2), `big` tinyint(1));
ALTER TABLE `rooms` ADD PRIMARY KEY (`no`), ADD KEY `p` (`price`);
ALTER TABLE `rooms` MODIFY `no` int(11) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=4;
