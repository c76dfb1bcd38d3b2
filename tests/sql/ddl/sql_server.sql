-- A script as SQL Server writes it, for test_parse.py.
USE [Shop]
GO
SET ANSI_NULLS ON
GO
CREATE TABLE [dbo].[Receipts](
    [ID] [int] IDENTITY(1,1) NOT NULL,
    [When] [datetime2](7) NOT NULL,
    [Note] [nvarchar](max) NULL,
    [Sum]  AS ([ID]*(2)) PERSISTED,
    [Paid] [bit] NULL CONSTRAINT [DF] DEFAULT ((0)),
 CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([ID] ASC)WITH (PAD_INDEX = OFF) ON [PRIMARY]
) ON [PRIMARY] TEXTIMAGE_ON [PRIMARY]
GO
CREATE TABLE [dbo].[Lines]([Receipt ID] [int] NULL, [Price] [money], INDEX [ix] NONCLUSTERED ([Price]))
ALTER TABLE [dbo].[Lines]  WITH CHECK ADD  CONSTRAINT [FK] FOREIGN KEY([Receipt ID])
REFERENCES [dbo].[Receipts] ([ID])
GO
